import { systems } from '../src/fhir/canonical.ts'
import { openCodeClasses } from '../src/fhir/measured/code-class.ts'
import { parameterKey, tokenKey } from '../src/storage/prepare/index-rows.ts'
import { diagnosisOf, familyOf, identifierSystem, patientId } from './people.ts'

/** A search of the mix, about another person each time, and the SQL that somebody who knows the tables would write for the same rows. */
export type MixSearch = {
  readonly name: string
  readonly path: (turn: Turn) => string
  readonly sql: string
  readonly values: (turn: Turn, numbers: Numbers) => readonly unknown[]
}

/** The numbers that the tables have instead of names; they stay the same, and are looked up once. */
export type Numbers = {
  readonly typeIds: ReadonlyMap<string, number>
  readonly codeIds: ReadonlyMap<string, number>
}

/** `person`: somebody with many rows; `anyone`: one of `people`. */
export type Turn = {
  readonly person: number
  readonly anyone: number
  readonly people: number
}

/** The people with the first numbers have many Observations, in worlds of any size. */
const manyOf = 40

export const turnOf = (people: number, number: number): Turn => ({
  person: 1 + (number % manyOf),
  anyone: (number * 7919) % people,
  people,
})

const pageSize = 20

const classes = openCodeClasses()
const classKey = (system: string | undefined, code: string): string => classes.classesAsked(system, code).keys[0] ?? ''

const glucose = classKey(undefined, 'omh:blood-glucose')
const heartRate = classKey(undefined, 'omh:heart-rate')
const bodyWeight = classKey(undefined, 'omh:body-weight')
const systolic = classKey(systems.loinc, '8480-6')

const familyParameter = parameterKey({ base: 'Patient', code: 'family' })

const page = `LIMIT ${pageSize}`
const compartment = `(SELECT patient_id FROM patient_compartment WHERE id = $1)`
/** The keys of the page first, and then the bodies of only these. */
const byCode = (where: string): string => `
  SELECT row.id, row.content::text AS content
  FROM (
    SELECT code.patient_id, code.pk, code.effective_start FROM observation_code AS code WHERE ${where}
    ORDER BY code.effective_start DESC, code.pk DESC ${page}) AS key
  JOIN observation AS row ON row.patient_id = key.patient_id AND row.pk = key.pk
  ORDER BY key.effective_start DESC, key.pk DESC`

const ofPerson = ({ person }: Turn) => patientId(person)
const measuredFrom = '2021-01-01T02:00:00Z'
const measuredTo = '2021-06-01T00:00:00Z'

/** By token, date, quantity, composite, reference, string, chain and _include; the last word of a name says about how many people it is. */
export const mixSearches: readonly MixSearch[] = [
  {
    name: 'token and reference',
    path: turn => `/Observation?patient=${ofPerson(turn)}&code=omh:blood-glucose`,
    sql: byCode(`code.patient_id = ${compartment} AND code.code_id = $2 AND code.component = 0`),
    values: (turn, { codeIds }) => [ofPerson(turn), codeIds.get(glucose)],
  },
  {
    name: 'token, of everybody',
    path: () => '/Observation?code=omh:body-weight',
    sql: byCode(`code.code_id = $1 AND code.component = 0`),
    values: (_, { codeIds }) => [codeIds.get(bodyWeight)],
  },
  {
    name: 'token, an identifier',
    path: ({ anyone }) => `/Patient?identifier=${identifierSystem}|${anyone}`,
    sql: `
      SELECT id, content::text AS content FROM patient
      WHERE tokens @> ARRAY[$1::bigint]
        AND content -> 'identifier' @> jsonb_build_array(jsonb_build_object('system', $2::text, 'value', $3::text))
      ORDER BY pk DESC ${page}`,
    values: ({ anyone }) => [
      String(tokenKey({ code: 'identifier' }, identifierSystem, String(anyone))),
      identifierSystem,
      String(anyone),
    ],
  },
  {
    name: 'token, a diagnosis',
    path: ({ anyone, people }) => `/Condition?code=http://snomed.info/sct|${diagnosisOf(anyone, people)}`,
    sql: `
      SELECT id, content::text AS content FROM condition
      WHERE tokens @> ARRAY[$1::bigint]
        AND content -> 'code' -> 'coding' @> jsonb_build_array(jsonb_build_object('system', $2::text, 'code', $3::text))
      ORDER BY pk DESC ${page}`,
    values: ({ anyone, people }) => [
      String(tokenKey({ code: 'code' }, 'http://snomed.info/sct', diagnosisOf(anyone, people))),
      'http://snomed.info/sct',
      diagnosisOf(anyone, people),
    ],
  },
  {
    name: 'date',
    path: turn => `/Observation?patient=${ofPerson(turn)}&date=ge${measuredFrom}&date=lt${measuredTo}`,
    sql: `
      SELECT row.id, row.content::text AS content FROM observation AS row
      WHERE row.patient_id = ${compartment} AND row.effective_start >= $2 AND row.effective_start < $3
      ORDER BY row.effective_start DESC, row.pk DESC ${page}`,
    values: turn => [ofPerson(turn), measuredFrom, measuredTo],
  },
  {
    name: 'date and token',
    path: turn =>
      `/Observation?patient=${ofPerson(turn)}&code=omh:blood-glucose&date=ge${measuredFrom}&date=lt${measuredTo}`,
    sql: byCode(`code.patient_id = ${compartment} AND code.code_id = $2 AND code.component = 0
      AND code.effective_start >= $3 AND code.effective_start < $4`),
    values: (turn, { codeIds }) => [ofPerson(turn), codeIds.get(glucose), measuredFrom, measuredTo],
  },
  {
    name: 'quantity',
    path: turn => `/Observation?patient=${ofPerson(turn)}&code=omh:blood-glucose&value-quantity=gt120`,
    sql: byCode(`code.patient_id = ${compartment} AND code.code_id = $2 AND code.component = 0
      AND code.value > 120`),
    values: (turn, { codeIds }) => [ofPerson(turn), codeIds.get(glucose)],
  },
  {
    name: 'quantity, of everybody',
    path: () => '/Observation?code=omh:body-weight&value-quantity=gt100',
    sql: byCode(`code.code_id = $1 AND code.component = 0 AND code.value > 100`),
    values: (_, { codeIds }) => [codeIds.get(bodyWeight)],
  },
  {
    name: 'composite',
    path: turn => `/Observation?patient=${ofPerson(turn)}&code-value-quantity=omh:blood-glucose$gt120`,
    sql: byCode(`code.patient_id = ${compartment} AND code.code_id = $2 AND code.component = 0
      AND code.value > 120`),
    values: (turn, { codeIds }) => [ofPerson(turn), codeIds.get(glucose)],
  },
  {
    name: 'composite, of components of everybody',
    path: () => `/Observation?component-code-value-quantity=${systems.loinc}|8480-6$gt150`,
    sql: byCode(`code.code_id = $1 AND code.component > 0 AND code.value > 150`),
    values: (_, { codeIds }) => [codeIds.get(systolic)],
  },
  {
    name: 'reference',
    path: turn => `/Observation?subject=Patient/${ofPerson(turn)}`,
    sql: `
      SELECT row.id, row.content::text AS content FROM observation AS row
      WHERE row.patient_id = ${compartment}
      ORDER BY row.effective_start DESC, row.pk DESC ${page}`,
    values: turn => [ofPerson(turn)],
  },
  {
    name: 'reference, to a device',
    path: turn => `/Observation?subject=Patient/${ofPerson(turn)}&device=Device/bench-sensor`,
    sql: `
      SELECT row.id, row.content::text AS content FROM observation AS row
      WHERE row.patient_id = ${compartment} AND row.content -> 'device' ->> 'reference' = $2
      ORDER BY row.effective_start DESC, row.pk DESC ${page}`,
    values: turn => [ofPerson(turn), 'Device/bench-sensor'],
  },
  {
    name: 'string',
    path: ({ anyone, people }) => `/Patient?family=${familyOf(anyone, people)}`,
    sql: `
      SELECT patient.id, patient.content::text AS content FROM patient
      WHERE patient.pk IN (SELECT pk FROM index_string WHERE parameter = $1 AND value >= $2 AND value < $2 || U&'+10FFFF')
      ORDER BY patient.pk DESC ${page}`,
    values: ({ anyone, people }) => [familyParameter, familyOf(anyone, people).toLowerCase()],
  },
  {
    name: 'chain, by an identifier',
    path: ({ person }) => `/Observation?patient.identifier=${identifierSystem}|${person}&code=omh:heart-rate`,
    sql: byCode(`code.patient_id = (SELECT patient_id FROM patient WHERE tokens @> ARRAY[$1::bigint]
        AND content -> 'identifier' @> jsonb_build_array(jsonb_build_object('system', $2::text, 'value', $3::text)))
      AND code.code_id = $4 AND code.component = 0`),
    values: ({ person }, { codeIds }) => [
      String(tokenKey({ code: 'identifier' }, identifierSystem, String(person))),
      identifierSystem,
      String(person),
      codeIds.get(heartRate),
    ],
  },
  {
    name: 'chain, by a name',
    path: ({ anyone, people }) =>
      `/Observation?subject:Patient.family=${familyOf(anyone, people)}&code=omh:blood-glucose`,
    sql: `
      SELECT row.id, row.content::text AS content
      FROM (
        SELECT code.* FROM patient CROSS JOIN LATERAL (
          SELECT code.patient_id, code.pk, code.effective_start FROM observation_code AS code
          WHERE code.patient_id = patient.patient_id AND code.code_id = $3 AND code.component = 0
          ORDER BY code.effective_start DESC, code.pk DESC ${page}) AS code
        WHERE patient.pk IN (SELECT pk FROM index_string WHERE parameter = $1 AND value >= $2 AND value < $2 || U&'+10FFFF')
        ORDER BY code.effective_start DESC, code.pk DESC ${page}) AS code
      JOIN observation AS row ON row.patient_id = code.patient_id AND row.pk = code.pk
      ORDER BY code.effective_start DESC, code.pk DESC`,
    values: ({ anyone, people }, { codeIds }) => [
      familyParameter,
      familyOf(anyone, people).toLowerCase(),
      codeIds.get(glucose),
    ],
  },
  {
    name: '_include',
    path: turn =>
      `/Observation?patient=${ofPerson(turn)}&code=omh:blood-glucose&_include=Observation:subject&_include=Observation:device`,
    sql: `
      WITH page AS MATERIALIZED (${byCode(
        `code.patient_id = ${compartment} AND code.code_id = $2 AND code.component = 0`,
      )})
      SELECT id, content FROM page
      UNION ALL
      SELECT patient.id, patient.content::text FROM patient
      JOIN resource_identity AS identity ON identity.patient_id = patient.patient_id AND identity.pk = patient.pk
      WHERE identity.type_id = $3 AND identity.id IN (
        SELECT split_part(content::jsonb -> 'subject' ->> 'reference', '/', 2) FROM page)
      UNION ALL
      SELECT device.id, device.content::text FROM device
      JOIN resource_identity AS identity ON identity.patient_id = device.patient_id AND identity.pk = device.pk
      WHERE identity.type_id = $4 AND identity.id IN (
        SELECT split_part(content::jsonb -> 'device' ->> 'reference', '/', 2) FROM page)`,
    values: (turn, { codeIds, typeIds }) => [
      ofPerson(turn),
      codeIds.get(glucose),
      typeIds.get('Patient'),
      typeIds.get('Device'),
    ],
  },
]
