import t from 'tap'
import { openStudies } from '../../support/study.ts'

const { server, create, institution, study, patientToken, send } = await openStudies()
t.teardown(() => server.close())

const lab = await institution('lab')
const { id: sleep } = await study(lab.manager, lab.organization, 'Sleep', ['omh:heart-rate'])
const { id: walking } = await study(lab.manager, lab.organization, 'Walking', ['omh:heart-rate'])
const register = async (name: string): Promise<string> => {
  const managingOrganization = { reference: `Organization/${lab.organization}` }
  return (await create(lab.manager, { resourceType: 'Patient', name: [{ family: name }], managingOrganization })).id
}
const placeOf = (patient: string, more: object = {}) => ({
  resourceType: 'ResearchSubject' as const,
  status: 'candidate' as const,
  study: { reference: `ResearchStudy/${sleep}` },
  individual: { reference: `Patient/${patient}` },
  ...more,
})
const enrol = (patient: string, more?: object) => send(lab.manager, 'POST', 'ResearchSubject', placeOf(patient, more))
const refusalOf = (place: string) => ({
  code: 'conflict',
  diagnostics: `The patient has a place in the study already, ResearchSubject/${place}, which is not over: change that one, or end it first (ineligible, not-registered, off-study, withdrawn, or its period)`,
  expression: ['ResearchSubject.individual'],
})
const bundle = async (type: 'batch' | 'transaction', patient: string, count = 1) =>
  send('everything', 'POST', '', {
    resourceType: 'Bundle',
    type,
    entry: Array.from({ length: count }, () => ({
      resource: placeOf(patient),
      request: { method: 'POST', url: 'ResearchSubject' },
    })),
  })

t.test('of two who enrol the same person at once, the later is told which place there is', async t => {
  const ann = await register('Ann')
  const answers = await Promise.all([enrol(ann), enrol(ann)])
  const [made, refused] = answers.toSorted((one, other) => one.statusCode - other.statusCode)
  t.strictSame(
    [made?.statusCode, refused?.statusCode, refused?.json().issue],
    [201, 409, [{ severity: 'error', ...refusalOf(made?.json().id) }]],
  )
})

t.test('who leaves the study by the only place that they can have has left it', async t => {
  const bea = await register('Bea')
  const { id, ...place } = (await enrol(bea)).json()
  t.equal((await enrol(bea)).statusCode, 409)
  const own = await patientToken(bea, 'patient/*.cruds')
  t.equal((await send(own, 'PUT', `ResearchSubject/${id}`, { ...place, id, status: 'withdrawn' })).statusCode, 200)
  const held = await send(lab.manager, 'GET', `ResearchSubject?patient=${bea}&status:not=withdrawn&_summary=count`)
  t.equal(held.json().total, 0)
  t.equal((await enrol(bea)).statusCode, 201, 'and is enrolled anew')
})

t.test('a place that is over, by its status or its period, is no second one', async t => {
  const carl = await register('Carl')
  await enrol(carl)
  for (const over of [{ status: 'off-study' }, { period: { end: '2020-01-01' } }])
    t.equal((await enrol(carl, over)).statusCode, 201)
})

t.test('places in different studies, and of different Patients, are no second ones', async t => {
  const [dora, emil] = [await register('Dora'), await register('Emil')]
  await enrol(dora)
  t.equal((await enrol(dora, { study: { reference: `ResearchStudy/${walking}` } })).statusCode, 201)
  t.equal((await enrol(emil)).statusCode, 201)
})

t.test('a place is not moved into a study in which its patient has one', async t => {
  const fred = await register('Fred')
  const first = (await enrol(fred)).json().id
  const other = (await enrol(fred, { study: { reference: `ResearchStudy/${walking}` } })).json()
  const moved = { ...other, study: { reference: `ResearchStudy/${sleep}` } }
  const answers = [
    await send(lab.manager, 'PUT', `ResearchSubject/${other.id}`, moved),
    await server.inject({
      method: 'PATCH',
      url: `/fhir/ResearchSubject/${other.id}`,
      headers: { authorization: `Bearer ${lab.manager}`, 'content-type': 'application/json-patch+json' },
      payload: JSON.stringify([{ op: 'replace', path: '/study/reference', value: `ResearchStudy/${sleep}` }]),
    }),
  ]
  for (const answer of answers)
    t.strictSame([answer.statusCode, answer.json().issue[0]], [409, { severity: 'error', ...refusalOf(first) }])
})

t.test('a place is changed as before, and found by a conditional create', async t => {
  const gus = await register('Gus')
  const place = (await enrol(gus)).json()
  const identifier = [{ value: 'G-1' }]
  t.equal((await send(lab.manager, 'PUT', `ResearchSubject/${place.id}`, { ...place, identifier })).statusCode, 200)
  const found = await server.inject({
    method: 'POST',
    url: '/fhir/ResearchSubject',
    headers: {
      authorization: `Bearer ${lab.manager}`,
      'content-type': 'application/fhir+json',
      'if-none-exist': `individual=Patient/${gus}&study=ResearchStudy/${sleep}`,
    },
    payload: JSON.stringify(placeOf(gus)),
  })
  t.equal(found.statusCode, 200)
})

t.test('a batch makes the first of two, and a transaction with two neither', async t => {
  const [hans, ida] = [await register('Hans'), await register('Ida')]
  const { entry } = (await bundle('batch', hans, 2)).json()
  t.strictSame(
    entry.map(({ response }: { response: { status: string } }) => response.status),
    ['201 Created', '409 Conflict'],
  )
  t.equal((await bundle('transaction', ida, 2)).statusCode, 409)
  t.equal((await enrol(ida)).statusCode, 201)
})

t.test('whoever may not enrol is not told that somebody is in the study', async t => {
  const stranger = await institution('stranger')
  const jan = await register('Jan')
  const refused = async () => {
    const { statusCode, body } = await send(stranger.manager, 'POST', 'ResearchSubject', placeOf(jan))
    return [statusCode, body]
  }
  const before = await refused()
  await enrol(jan)
  t.strictSame(await refused(), before)
  t.equal(before[0], 403)
})

t.test('two records of one human have a place each', async t => {
  const [one, other] = [await register('Kim'), await register('Kim')]
  await enrol(one)
  const link = [one, other].map(id => ({ target: { reference: `Patient/${id}` } }))
  await create('everything', { resourceType: 'Person', link })
  t.equal((await enrol(other)).statusCode, 201)
  t.equal((await enrol(other)).statusCode, 409)
})
