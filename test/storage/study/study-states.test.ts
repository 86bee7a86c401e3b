import type { Consent, Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import type { Access } from '../../../src/access/access.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { all, type Expression } from '../../../src/search/expression.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import { statesOf } from '../../../src/storage/study/study-states.ts'
import { planOf, type Step } from '../../support/plan.ts'
import { consent, openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, institution, study, participant, patientToken, create, update } = world
t.teardown(() => server.close())

const kinds = ['omh:heart-rate'] as const
const { organization, manager } = await institution('lab')
const { id, researcher } = await study(manager, organization, 'hearts', kinds)
const people = 12
for (let index = 0; index < people; index += 1) {
  const patient = await participant(manager, organization, id, kinds, `Person ${index}`)
  await create(await patientToken(patient, 'patient/*.cruds'), {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: '2026-01-01T00:00:00Z',
    valueQuantity: { value: 60 },
  })
}
await database.run(sql.fragment`ANALYZE`)

const { practitioner } = researcher
const to = { kind: 'practitioner', id: practitioner } as const
const access: Access = (action, type) => {
  if (type === 'Observation') return { kind: 'consented', action, to }
  if (type === 'ResearchSubject') return { kind: 'member', of: 'study', reach: 'node', role: 'viewer', practitioner }
  return all
}
const statesAmong = (subjects: Expression) =>
  statesOf(
    { access, classes: openCodeClasses() },
    {
      study: id,
      subjects,
      shared: { kind: 'consented', to, action: 's', study: id },
      silentDays: 14,
      newestOf: 'everybody',
    },
  )
const states = statesAmong(all)
const scans = (steps: readonly Step[], table: string) =>
  steps
    .filter(step => step['Relation Name'] === table && String(step['Node Type']).includes('Scan'))
    .reduce((sum, step) => sum + Number(step['Actual Loops']), 0)

t.test('the states of many people are found without looking anything up for each that is the same for all', async t => {
  const rows = await database.any<{ state: string; number: number }>(sql.fragment`
    WITH ${states} SELECT state, count(arrived)::integer AS number FROM person GROUP BY state`)
  t.strictSame(rows, [{ state: 'all', number: people }])
  const steps = await planOf(database, sql.fragment`WITH ${states} SELECT count(*) FROM person`, { analyze: true })
  t.equal(scans(steps, 'observation'), people + 1, 'whether any clock is ahead is asked once')
  t.ok(scans(steps, 'study') < people, 'the studies of the reader are asked once')
})

t.test('of those who are named alone, nothing that others gave or answered is read', async t => {
  const [{ subject = '' } = {}] = await database.any<{ subject: string }>(
    sql.fragment`SELECT id AS subject FROM enrolment ORDER BY id LIMIT 1`,
  )
  const one = statesAmong({ kind: 'identified', ids: [subject] })
  const rows = await database.any<{ state: string }>(sql.fragment`WITH ${one} SELECT state FROM person`)
  t.strictSame(rows, [{ state: 'all' }])
  const gathered = async (asked: SqlFragment) => {
    const steps = await planOf(database, sql.fragment`WITH ${asked} SELECT count(*) FROM person`, { analyze: true })
    return ['gave', 'answered'].map(name => steps.find(step => step['Subplan Name'] === `CTE ${name}`)?.['Actual Rows'])
  }
  t.strictSame(await gathered(states), [people, people])
  t.strictSame(await gathered(one), [1, 1])
})

t.test('a reading from a clock that is ahead is the newest only if it came last', async t => {
  const [{ pk = '' } = {}] = await database.any<{ pk: string }>(
    sql.fragment`SELECT pk::text AS pk FROM observation ORDER BY pk LIMIT 1`,
  )
  await database.run(sql.fragment`
    INSERT INTO observation SELECT (jsonb_populate_record(NULL::observation, to_jsonb(row) || jsonb_build_object(
      'id', 'ahead', 'pk', pk + 1000000, 'effective_start', now() + interval '3 days', 'effective_end', now() + interval '3 days',
      'last_updated', last_updated + interval '1 minute'))).*
    FROM observation AS row WHERE pk = ${pk}::bigint`)
  const rows = await database.any<{ measured: string; number: number }>(sql.fragment`
    WITH ${states} SELECT measured LIKE '2026-01-01%' AS "isPast", count(*)::integer AS number FROM person GROUP BY 1 ORDER BY 1`)
  t.strictSame(rows, [
    { isPast: false, number: 1 },
    { isPast: true, number: people - 1 },
  ])
})

t.test('what a study keeps since a withdrawal is nothing that somebody gives it now', async t => {
  const both = ['omh:heart-rate', 'omh:body-weight']
  const { id: keeping } = await study(manager, organization, 'keeping', both)
  const asked: ResearchStudy = (await world.send(manager, 'GET', `ResearchStudy/${keeping}`)).json()
  const keeps = (one: Extension): Extension =>
    one.url === extensions.patientText
      ? { ...one, extension: [...(one.extension ?? []), { url: 'withdrawal', valueCode: 'keep' }] }
      : one
  await update(manager, { ...asked, extension: (asked.extension ?? []).map(keeps) })
  const patient = await participant(manager, organization, keeping, both, 'Kim')
  const own = await patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  const shared = { kind: 'consented', to, action: 's', study: keeping } as const
  const gate = { access, classes: openCodeClasses() }
  const state = async () =>
    (
      await database.one<{ state: string }>(
        sql.fragment`WITH ${statesOf(gate, { study: keeping, subjects: all, shared, silentDays: 14, newestOf: 'everybody' })} SELECT state FROM person`,
      )
    ).state
  t.equal(await state(), 'all')
  const [given] = (await world.pages(own, 'Consent')).map(({ resource }) => resource as Consent)
  await update(own, { ...given, status: 'inactive' } as Consent)
  t.equal(await state(), 'withdrawn')
  const anew = await create(own, consent(patient, keeping, organization, kinds))
  t.equal(await state(), 'partly')
  const provision = { ...anew.provision, period: { end: '2026-01-01' } }
  await update(own, { ...anew, dateTime: new Date().toISOString(), provision })
  t.equal(await state(), 'nothing')
})

t.test('a place whose period is over has ended', async t => {
  const patient = await participant(manager, organization, id, kinds, 'Person of a while')
  const found = await world.send('everything', 'GET', `ResearchSubject?individual=Patient/${patient}`)
  const { resource: place } = found.json().entry[0]
  await update('everything', { ...place, period: { start: '2026-01-01', end: '2026-02-01' } })
  const asked = statesAmong({ kind: 'identified', ids: [place.id] })
  const rows = await database.any<{ state: string }>(sql.fragment`WITH ${asked} SELECT state FROM person`)
  t.strictSame(rows, [{ state: 'ended' }])
})

t.test('who gives what one of two sources measures gives a part of what is asked', async t => {
  const device = { resourceType: 'Device', status: 'active' } as const
  const [one, other] = [await create(world.administrator, device), await create(world.administrator, device)]
  const from = ({ id }: { readonly id: string }) => ({
    reference: { reference: `Device/${id}` },
    meaning: 'related' as const,
  })
  const { id: sourced } = await study(manager, organization, 'sourced', kinds)
  const asked: ResearchStudy = (await world.send(manager, 'GET', `ResearchStudy/${sourced}`)).json()
  const extension = (asked.extension ?? []).flatMap((said): readonly Extension[] =>
    said.url === extensions.requestedData
      ? [one, other].map(source => ({
          ...said,
          extension: [...(said.extension ?? []), { url: 'source', valueReference: from(source).reference }],
        }))
      : [said],
  )
  await update(manager, { ...asked, extension })
  const { id: patient } = await create(manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${organization}` },
  })
  const { id: place } = await world.enrol(manager, sourced, patient)
  const given = consent(patient, sourced, organization, kinds)
  const provision = given.provision?.provision?.map(permit => ({ ...permit, data: [from(one)] })) ?? []
  await create(await patientToken(patient, 'patient/Consent.cruds'), {
    ...given,
    provision: { ...given.provision, provision },
  })
  const states = statesOf(
    { access, classes: openCodeClasses() },
    {
      study: sourced,
      subjects: { kind: 'identified', ids: [place] },
      shared: { kind: 'consented', to, action: 's', study: sourced },
      silentDays: 14,
      newestOf: 'everybody',
    },
  )
  const rows = await database.any<{ state: string }>(sql.fragment`WITH ${states} SELECT state FROM person`)
  t.strictSame(rows, [{ state: 'partly' }])
})
