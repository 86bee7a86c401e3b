import type { Consent, ResearchSubject } from '@medplum/fhirtypes'
import t from 'tap'
import { openNewcomers } from '../../support/newcomers.ts'
import { consent } from '../../support/study.ts'

const world = await openNewcomers()
const { server, update, enrol, patientToken, send, kinds, organization, manager, hearts, newcomer, placeOf, said } =
  world
t.teardown(() => server.close())

t.test('how far somebody has come, and in which part they are, is said by staff', async t => {
  const { place, own, gives } = await newcomer('Eve')
  const says = async (status: ResearchSubject['status']) => {
    await update(manager, { ...(await placeOf(place)), status } as ResearchSubject)
    return (await said(place))[1]
  }
  t.equal(await says('screening'), 'screening')
  t.equal(await says('on-study-intervention'), 'candidate', 'but they take part only once they have signed')
  const given = await gives()
  t.equal(await says('on-study-intervention'), 'on-study-intervention')
  t.equal(await says('candidate'), 'on-study')
  await says('follow-up')
  await update(own, {
    ...given,
    provision: consent('', hearts.id, organization, ['omh:body-weight']).provision,
  } as Consent)
  t.equal((await said(place))[1], 'follow-up')
  await update(own, { ...given, status: 'inactive' } as Consent)
  t.equal((await said(place))[1], 'candidate')
})

t.test('a place that was ended stays so, whatever is given or taken back after that', async t => {
  const { place, own, gives, patient } = await newcomer('Fay')
  const given = await gives()
  const { consent: _, meta: __, ...unaware } = await placeOf(place)
  t.equal(
    (await send(own, 'PUT', `ResearchSubject/${place}`, { ...unaware, status: 'off-study' })).statusCode,
    200,
    'by an app that has not seen the Consent there',
  )
  t.strictSame(await said(place), ['3', 'off-study', `Consent/${given.id}`])
  await update(own, { ...given, status: 'inactive' } as Consent)
  t.strictSame(await said(place), ['3', 'off-study', `Consent/${given.id}`])
  const { id: anew } = await enrol(manager, hearts.id, patient)
  t.strictSame(await said(anew), ['1', 'candidate', `Consent/${given.id}`])
  const again = await gives()
  t.strictSame(await said(anew), ['2', 'on-study', `Consent/${again.id}`])
  t.strictSame(await said(place), ['4', 'off-study', `Consent/${again.id}`])
})

t.test(
  'nothing that a client sends is stored as the Consent, and who may not read it sends it back all the same',
  async t => {
    const { patient, place, gives } = await newcomer('Gil')
    const given = await gives()
    const another = { reference: 'Consent/another' }
    await update(manager, { ...(await placeOf(place)), consent: another, assignedArm: 'b' } as ResearchSubject)
    t.strictSame(await said(place), ['3', 'on-study', `Consent/${given.id}`])
    const narrow = await patientToken(
      patient,
      'patient/ResearchSubject.rus patient/Patient.rs patient/ResearchStudy.rs',
    )
    const read = (await send(narrow, 'GET', `ResearchSubject/${place}`)).json()
    t.equal((await send(narrow, 'PUT', `ResearchSubject/${place}`, { ...read, status: 'withdrawn' })).statusCode, 200)
    const patched = await server.inject({
      method: 'PATCH',
      url: `/fhir/ResearchSubject/${place}`,
      headers: { authorization: `Bearer ${narrow}`, 'content-type': 'application/json-patch+json' },
      payload: JSON.stringify([{ op: 'replace', path: '/status', value: 'off-study' }]),
    })
    t.match([patched.statusCode, patched.json().status], [200, 'off-study'])
  },
)

t.test('those who take part are found by their status', async t => {
  const study = await world.study(manager, organization, 'Found', kinds)
  const [one, other] = [await newcomer('One', study.id), await newcomer('Other', study.id)]
  await one.gives()
  const found = async (status: string) =>
    (await world.pages(manager, `ResearchSubject?study=ResearchStudy/${study.id}&status=${status}`)).map(
      ({ resource }) => resource.id,
    )
  t.strictSame([await found('on-study'), await found('candidate')], [[one.place], [other.place]])
})

t.test('an app that holds an older version is told so, and one that asks nothing overwrites no answer', async t => {
  const { place, gives } = await newcomer('Hal')
  const before = await placeOf(place)
  await gives()
  const put = (headers: object) =>
    server.inject({
      method: 'PUT',
      url: `/fhir/ResearchSubject/${place}`,
      headers: { authorization: `Bearer ${manager}`, 'content-type': 'application/fhir+json', ...headers },
      payload: { ...before, assignedArm: 'a' },
    })
  t.equal((await put({ 'if-match': 'W/"1"' })).statusCode, 412)
  const answer = await put({})
  t.has([answer.statusCode, answer.headers.etag, answer.json().status], [200, 'W/"3"', 'on-study'])
})
