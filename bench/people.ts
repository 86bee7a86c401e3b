import type { Condition, Patient } from '@medplum/fhirtypes'
import { fullAccess, restrict } from '../src/access/access.ts'
import { openCodeClasses } from '../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../src/fhir/registry.ts'
import { type Database, openDatabase } from '../src/storage/database.ts'
import { openDictionary } from '../src/storage/prepare/dictionary.ts'
import { openDurations } from '../src/storage/prepare/duration.ts'
import { type Draft, numberAll, prepare } from '../src/storage/prepare/prepare.ts'
import { openPrimaryKeys } from '../src/storage/prepare/primary-key.ts'
import { sql } from '../src/storage/sql.ts'
import { insertResources } from '../src/storage/write/insert.ts'
import type { Api } from './api.ts'
import { buildWorld } from './world.ts'

export const identifierSystem = 'https://bench.example/patient-number'

/** How many share a family name. */
const perFamily = 20
/** How many share a diagnosis. */
const perDiagnosis = 20

export const patientId = (position: number): string => `mix-${position}`

/** Four syllables, so that no name is the beginning of another. */
export const familyOf = (position: number, count: number): string => {
  const family = position % Math.ceil(count / perFamily)
  const syllable = (place: number) => {
    const digit = Math.floor(family / syllables.length ** place) % syllables.length
    return syllables[digit] ?? ''
  }
  const [first = '', ...rest] = `${syllable(0)}${syllable(1)}${syllable(2)}${syllable(3)}`
  return `${first.toUpperCase()}${rest.join('')}`
}
const syllables = ['ba', 'de', 'fi', 'go', 'hu', 'ka', 'le', 'mi', 'no', 'ru', 'sa', 'te', 'vi', 'wo', 'zu']

const birthDateOf = (position: number): string =>
  new Date(Date.UTC(1940, 0, 1 + ((position * 7919) % 25_000))).toISOString().slice(0, 10)

export const diagnosisOf = (position: number, count: number): string =>
  String(10_000_000 + (position % Math.ceil(count / perDiagnosis)))

/**
 * A study to which all of the patients have consented, each with a name, a birth date, a number and a diagnosis. The first is written through
 * the server; the others are put into the tables as the server itself would write them, thousands at once.
 */
export const buildPeople = async (importer: Api, databaseUrl: string, count: number): Promise<readonly string[]> => {
  await buildWorld(importer, [patientId(0)])
  await importer.put(`/Patient/${patientId(0)}`, patientOf(0, count))
  const database = openDatabase(databaseUrl)
  const positions = Array.from({ length: count }, (_, position) => position)
  await plant(
    database,
    positions.slice(1).map(position => patientOf(position, count)),
  )
  await plant(
    database,
    positions.map(position => conditionOf(position, count)),
  )
  for (const multiplication of multiplications) await database.run(multiplication)
  await database.close()
  return positions.map(patientId)
}

const perStatement = 1000

const plant = async (database: Database, resources: readonly (Patient | Condition)[]): Promise<void> => {
  const preparing = {
    registry: loadRegistry(),
    classes: openCodeClasses(),
    dictionary: openDictionary(database),
    durations: openDurations(database),
  }
  const nextPk = openPrimaryKeys(database)
  for (let first = 0; first < resources.length; first += perStatement) {
    const drafts: Draft[] = []
    for (const resource of resources.slice(first, first + perStatement))
      drafts.push({ resource, id: resource.id ?? '', pk: await nextPk(), version: 1, owner: 'bench-lab', author: 1 })
    const prepared = await prepare(database, preparing, drafts, new Date())
    const candidates = await numberAll(database, preparing, prepared)
    const [{ type } = { type: 'Patient' as const }] = candidates
    const { id } = await database.one<{ id: number }>(
      sql.fragment`SELECT type_id AS id FROM resource_type WHERE name = ${type}`,
    )
    await insertResources(database, id, candidates, restrict(fullAccess, 'c', type), preparing.classes)
  }
}

export const patientOf = (position: number, count: number): Patient => ({
  resourceType: 'Patient',
  id: patientId(position),
  identifier: [{ system: identifierSystem, value: String(position) }],
  name: [{ family: familyOf(position, count), given: [givenNames[position % givenNames.length] ?? ''] }],
  gender: position % 2 === 0 ? 'female' : 'male',
  birthDate: birthDateOf(position),
  telecom: [{ system: 'phone', value: `+1 555 ${position}` }],
  managingOrganization: { reference: 'Organization/bench-lab' },
})

const givenNames = ['Ada', 'Ben', 'Cleo', 'Dan', 'Eva', 'Finn', 'Gwen', 'Hugo', 'Ines', 'Jan']

const conditionOf = (position: number, count: number): Condition => ({
  resourceType: 'Condition',
  id: `condition-${position}`,
  code: { coding: [{ system: 'http://snomed.info/sct', code: diagnosisOf(position, count) }] },
  subject: { reference: `Patient/${patientId(position)}` },
  recordedDate: '2020-05-01',
})

/** Gives everybody what the first one agreed to through the server. */
const multiplications = [
  sql.fragment`INSERT INTO enrolment (patient_id, id, pk, study_id, patient, in_force, period_start, period_end)
   SELECT person.patient_id, 'subject-' || person.id, pk, study_id, person.id, in_force, period_start, period_end
   FROM enrolment AS first, patient_compartment AS person
   WHERE first.patient = ${patientId(0)} AND person.id <> first.patient`,
  sql.fragment`INSERT INTO consent_grantee (patient_id, consent_id, grantee, standing, pk, text_version, withdrawal, status, paper, answered)
   SELECT person.patient_id, 'consent-' || person.id, grantee, standing, pk, text_version, withdrawal, status, paper, answered
   FROM consent_grantee AS first, patient_compartment AS person
   WHERE first.consent_id = ${`consent-${patientId(0)}`} AND person.patient_id <> first.patient_id`,
  sql.fragment`INSERT INTO study_group_observation_consents (patient_id, grantee, scope_action, kind_id, device_id, data_start,
     data_end, consented, valid_from, valid_to, stored_before, consent_id, version)
   SELECT person.patient_id, grantee, scope_action, kind_id, device_id, data_start, data_end, consented, valid_from,
     valid_to, stored_before, 'consent-' || person.id, version
   FROM study_group_observation_consents AS first, patient_compartment AS person
   WHERE first.consent_id = ${`consent-${patientId(0)}`} AND person.patient_id <> first.patient_id`,
]
