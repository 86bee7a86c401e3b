import type { Consent, OperationOutcome, Patient, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../src/fhir/canonical.ts'
import { consent, openStudies } from '../support/study.ts'

const world = await openStudies()
const { server, create, send, institution, patientToken } = world
t.teardown(() => server.close())
const kinds = ['omh:heart-rate']
const { organization, manager } = await institution('lab')
const hearts = await world.study(manager, organization, 'Hearts', kinds)
const ann = await world.participant(manager, organization, hearts.id, kinds, 'Ann')
const own = await patientToken(ann, 'patient/*.cruds patient/Consent.cruds')

/** Code and message of each issue. */
const said = async (bearer: string, url: string, resource?: object, headers: Readonly<Record<string, string>> = {}) => {
  const answer = await server.inject({
    method: resource === undefined ? 'GET' : 'POST',
    url: `/fhir/${url}`,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json', ...headers },
    ...(resource === undefined ? {} : { payload: resource }),
  })
  t.equal(answer.statusCode, 200, answer.body)
  return answer.json<OperationOutcome>().issue?.map(({ code, diagnostics }) => `${code}: ${diagnostics}`) ?? []
}
const fine = ['informational: Nothing is wrong with it']
const read = async <R>(url: string): Promise<R> => (await send('everything', 'GET', url)).json()
const count = async (type: string): Promise<number> => (await read<{ total: number }>(`${type}?_summary=count`)).total

t.test('a create is tried by the rules of the model, and nothing of it stays', async t => {
  const second = consent(ann, hearts.id, organization, kinds)
  const before = [await count('Consent'), await count('Provenance')]
  t.match(await said(own, 'Consent/$validate?mode=create', second), [/^duplicate: .*/])
  t.same(await said(own, 'Consent/$validate', second), fine, 'without a mode the resource alone is checked')
  t.same(await said(own, 'Consent/$validate?mode=create', { ...second, status: 'entered-in-error' }), fine)
  t.same([await count('Consent'), await count('Provenance')], before)
})

t.test('what is invalid is told once, and not tried', async t => {
  const issues = await said(own, 'Consent/$validate?mode=create', { resourceType: 'Consent', status: 'active' })
  t.ok(issues.length > 0 && new Set(issues).size === issues.length)
})

t.test('an update is tried against what is there: what may not change, and which version it was made from', async t => {
  const study = await read<ResearchStudy>(`ResearchStudy/${hearts.id}`)
  const url = `ResearchStudy/${hearts.id}/$validate?mode=update`
  const others = (study.extension ?? []).filter(({ url }) => url !== extensions.identity)
  const coded = { ...study, extension: [...others, { url: extensions.identity, valueCode: 'coded' }] }
  t.same(await said(manager, url, coded), ['business-rule: How a study knows its people was chosen when it was made'])
  const titled = { ...study, title: 'Other hearts' }
  t.same(await said(manager, url, titled, { 'if-match': `W/"${study.meta?.versionId}"` }), fine)
  t.match(await said(manager, url, titled, { 'if-match': 'W/"77"' }), [/^conflict: /])
  t.equal((await read<ResearchStudy>(`ResearchStudy/${hearts.id}`)).title, 'Hearts')
})

t.test('a deletion is tried: what is needed cannot be deleted, and what is not stays all the same', async t => {
  t.same(await said(manager, `ResearchStudy/${hearts.id}/$validate?mode=delete`), [
    'conflict: A study with people in it is completed or withdrawn, not deleted',
  ])
  const { id } = await create<Patient>(manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${organization}` },
  })
  t.same(await said(manager, `Patient/${id}/$validate?mode=delete`), fine)
  t.equal((await send(manager, 'GET', `Patient/${id}`)).statusCode, 200)
})

t.test('update and delete are asked below an id', async t => {
  for (const mode of ['update', 'delete']) {
    const answer = await send(manager, 'POST', `Patient/$validate?mode=${mode}`, { resourceType: 'Patient' })
    t.match([answer.statusCode, answer.json().issue[0].diagnostics], [400, /is about one resource/])
  }
})

t.test('whoever may not write it is told what a write would tell them, and no more', async t => {
  const others = await world.participant(manager, organization, hearts.id, kinds, 'Bea')
  const [given] = (await world.pages('everything', `Consent?patient=${others}`)).map(
    ({ resource }) => resource as Consent,
  )
  const unknown = { ...given, id: 'nowhere' }
  for (const one of [given, unknown]) {
    const wrote = await send(own, 'PUT', `Consent/${one?.id}`, one)
    const written = wrote.json<OperationOutcome>().issue?.map(({ code, diagnostics }) => `${code}: ${diagnostics}`)
    t.same(await said(own, `Consent/${one?.id}/$validate?mode=update`, one), written)
  }
  const reader = await patientToken(ann, 'patient/Consent.rs')
  const answer = await send(reader, 'POST', `Consent/${given?.id}/$validate?mode=update`, given)
  t.equal(answer.statusCode, 403, 'without a scope to write, it is not tried at all')
})
