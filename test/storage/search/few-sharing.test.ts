import type { Observation, ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import type { Access } from '../../../src/access/access.ts'
import { systems } from '../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { type Expression, or } from '../../../src/search/expression.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { print } from '../../../src/search/print.ts'
import { historyOfTypes } from '../../../src/storage/history/history-of-types.ts'
import { openDictionary } from '../../../src/storage/prepare/dictionary.ts'
import { openDurations } from '../../../src/storage/prepare/duration.ts'
import { withFewSharing } from '../../../src/storage/search/few-sharing.ts'
import { type ManyPatients, openManyPatients } from '../../../src/storage/search/many-patients.ts'
import { searchPage } from '../../../src/storage/search/search.ts'
import { sql } from '../../../src/storage/sql.ts'
import { planOf, rowsLookedAt } from '../../support/plan.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, institution, study, participant, staffToken, send, create, patientToken } =
  await openStudies()
t.teardown(() => server.close())

const kinds = ['omh:heart-rate'] as const
/** Each in an institution of its own. */
const studyOf = async (title: string) => {
  const { organization, manager } = await institution(title)
  const { id, researcher } = await study(manager, organization, title, kinds)
  return { id, researcher, join: (name: string) => participant(manager, organization, id, kinds, name) }
}
const studies = { wide: await studyOf('wide'), narrow: await studyOf('narrow'), silent: await studyOf('silent') }
const { wide, narrow } = studies

const perPatient = 4
const measure = async (patient: string) => {
  const app = await patientToken(patient, 'patient/*.cruds')
  for (let index = 0; index < perPatient; index += 1)
    await create(app, {
      resourceType: 'Observation',
      status: 'final',
      subject: { reference: `Patient/${patient}` },
      effectiveDateTime: `2026-01-1${index}T00:00:00Z`,
      code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
      valueQuantity: { value: 60 + index, system: systems.ucum, code: '/min' },
    } satisfies Observation)
}
await measure(await narrow.join('n0'))
const others = 6
for (let number = 0; number < others; number += 1) await measure(await wide.join(`w${number}`))
/** What a patient of the wide study permits is divided into very many permits, one after the other. */
await database.run(sql.fragment`
  INSERT INTO study_group_observation_consents
  SELECT (jsonb_populate_record(NULL::study_group_observation_consents, to_jsonb(given) || jsonb_build_object('data_start', given.data_start + number * interval '1 day'))).*
  FROM (
    SELECT given.* FROM study_group_observation_consents AS given JOIN study ON study.grantee = given.grantee
    WHERE study.id = ${wide.id} LIMIT 1) AS given, generate_series(1, 1100) AS number`)
await database.run(sql.fragment`ANALYZE observation, provenance, study_group_observation_consents`)

const registry = loadRegistry()
const asking = (one: typeof wide, manyPatients: ManyPatients = openManyPatients()) => {
  const to = { kind: 'practitioner', id: one.researcher.practitioner } as const
  const access: Access = (action, type) => {
    const consented = { kind: 'consented', action, to, study: one.id } as const
    if (type === 'Observation') return consented
    return type === 'Provenance' ? { kind: 'uploaded', of: consented } : { kind: 'none' }
  }
  return {
    registry,
    classes: openCodeClasses(),
    access,
    commonTokens: () => false,
    manyPatients,
    typeId: () => 0,
    dictionary: openDictionary(database),
    durations: openDurations(database),
  }
}
/** Asks each row, as if it were known that many share. */
const rowByRow: ManyPatients = { has: () => true, note: () => {} }

/** A connection that adds up how many rows of the table its statements look at. */
const counting = (table: string) => {
  const counted = { rows: 0 }
  const connection = {
    ...database,
    any: async <Row>(query: Parameters<typeof database.any>[0]) => {
      counted.rows += rowsLookedAt(await planOf(database, query, { analyze: true }), table)
      return database.any<Row>(query)
    },
  }
  return { connection, counted }
}
const history = { count: 50, cursor: undefined }
const types = ['Observation'] as const

t.test('who sees the data of nobody or of few is shown the history without asking for consents of others', async t => {
  for (const [name, one, least, most] of [
    ['silent', studies.silent, 0, 0],
    ['narrow', narrow, perPatient, 2 * perPatient],
    ['wide', wide, perPatient * others, Number.POSITIVE_INFINITY],
  ] as const) {
    const { connection, counted } = counting('study_group_observation_consents')
    const found = await historyOfTypes(connection, asking(one), types, history)
    t.ok(counted.rows >= least && counted.rows <= most, `${name}: ${counted.rows}`)
    t.strictSame(found, await historyOfTypes(database, asking(one, rowByRow), types, history), name)
  }
})

t.test('nothing is looked for among the uploads of others', async t => {
  const search = parseSearch(registry, 'Provenance', new URLSearchParams())
  for (const [name, one, uploads] of [
    ['silent', studies.silent, 0],
    ['narrow', narrow, perPatient],
    ['wide', wide, perPatient * others],
  ] as const) {
    const [given, asked] = [asking(one), { action: 's', types: ['Provenance'] } as const]
    const { connection, counted } = counting('upload_target')
    const narrowed = await withFewSharing(connection, given, asked)
    const plain = { ...connection, kept: connection.any }
    const { entries } = await searchPage(plain, narrowed, search)
    t.equal(entries.length, Math.min(uploads, search.count), name)
    t.ok(name === 'wide' || counted.rows <= 2 * uploads, `${name}: ${counted.rows}`)
    t.strictSame(entries, (await searchPage(database, given, search)).entries, name)
  }
})

t.test('of uploads by very many, only so many are looked at as a page has', async t => {
  const { connection, counted } = counting('upload_target')
  const search = parseSearch(registry, 'Provenance', new URLSearchParams('_sort=-recorded&_count=2'))
  const { entries } = await searchPage({ ...connection, kept: connection.any }, asking(wide), search)
  t.equal(entries.length, 2)
  t.ok(counted.rows < perPatient * others, `${counted.rows}`)
})

t.test(
  'the rule names the patients if they are few, allows nothing if there are none, and otherwise stays',
  async t => {
    const ruleOf = async (one: typeof wide, type: ResourceType) => {
      const { access } = await withFewSharing(database, asking(one), { action: 's', types: [type] })
      return print(access('s', type))
    }
    const { patient_id: number } = await database.one<{ patient_id: number }>(sql.fragment`
    SELECT patient_id FROM enrolment WHERE study_id = ${narrow.id}`)
    const consented = ({ id, researcher }: typeof wide) =>
      `(consented practitioner/${researcher.practitioner} s study/${id})`
    t.equal(await ruleOf(studies.silent, 'Observation'), 'none')
    t.equal(await ruleOf(narrow, 'Observation'), `(and (of-patients ${number}) ${consented(narrow)})`)
    t.equal(await ruleOf(wide, 'Observation'), consented(wide))
    t.equal(await ruleOf(studies.silent, 'Provenance'), 'none')
    t.equal(await ruleOf(narrow, 'Provenance'), `(and (of-patients ${number}) (uploaded ${consented(narrow)}))`)
  },
)

t.test('uploads of several studies are narrowed only if few share with each of them', async t => {
  const consentedTo = ({ id, researcher }: typeof wide): Expression => ({
    kind: 'consented',
    action: 's',
    to: { kind: 'practitioner', id: researcher.practitioner },
    study: id,
  })
  const ruleOf = async (...some: readonly (typeof wide)[]) => {
    const rule: Expression = { kind: 'uploaded', of: or(...some.map(consentedTo)) }
    const given: Access = () => rule
    const asked = { action: 's', types: ['Provenance'] } as const
    const { access } = await withFewSharing(database, { ...asking(narrow), access: given }, asked)
    return { rule, narrowed: access('s', 'Provenance') }
  }
  const few = await ruleOf(narrow, studies.silent)
  t.match(print(few.narrowed), /^\(and \(of-patients \d+\) \(uploaded /)
  const many = await ruleOf(narrow, wide)
  t.equal(print(many.narrowed), print(many.rule))
})

t.test('whoever is shared nothing sees no history and no uploads, and what is shared then is seen at once', async t => {
  const late = await studyOf('late')
  const token = await staffToken(late.researcher, 'user/*.rs')
  const seen = async () => {
    const answers = await Promise.all(
      ['Observation/_history', 'Provenance'].map(async url => (await send(token, 'GET', url)).json()),
    )
    return answers.map(({ entry = [] }) => entry.length)
  }
  t.strictSame(await seen(), [0, 0])
  await measure(await late.join('l0'))
  t.strictSame(await seen(), [perPatient, perPatient + 1], 'and the Provenance of the decision')
})
