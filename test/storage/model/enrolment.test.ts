import t from 'tap'
import { inactivationReason } from '../../../src/access/vocabulary.ts'
import { openStudies } from '../../support/study.ts'

const { server, create, institution, study, participant, staffToken, patientToken, send } = await openStudies()
t.teardown(() => server.close())

t.test('somebody who left a study is enrolled again if nothing that they gave to it is in force', async t => {
  const lab = await institution('lab')
  const kinds = ['omh:heart-rate']
  const { id: sleep, researcher } = await study(lab.manager, lab.organization, 'Sleep', kinds)
  const ann = await participant(lab.manager, lab.organization, sleep, kinds, 'Ann')
  await create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${ann}` },
    effectiveDateTime: '2030-01-01T00:00:00Z',
  })
  const reader = await staffToken(researcher, 'user/*.rs')
  const seen = async () => (await send(reader, 'GET', `Observation?patient=${ann}`)).json().entry?.length ?? 0
  t.equal(await seen(), 1)

  const own = await patientToken(ann, 'patient/*.cruds')
  const [{ resource: place }] = (await send(own, 'GET', 'ResearchSubject')).json().entry
  await send(own, 'PUT', `ResearchSubject/${place.id}`, { ...place, status: 'withdrawn' })
  for (const back of [
    { ...place, status: 'on-study' },
    { ...place, status: 'candidate' },
  ])
    t.match((await send(lab.manager, 'PUT', `ResearchSubject/${place.id}`, back)).json(), {
      issue: [
        {
          code: 'business-rule',
          diagnostics: /stays so: they are enrolled anew/,
          expression: ['ResearchSubject.status'],
        },
      ],
    })
  t.equal((await send(own, 'PUT', `ResearchSubject/${place.id}`, place)).statusCode, 403, 'nor with a client of theirs')
  t.equal(
    (await send(lab.manager, 'PUT', `ResearchSubject/${place.id}`, { ...place, status: 'off-study' })).statusCode,
    200,
  )
  const anew = () =>
    send(lab.manager, 'POST', 'ResearchSubject', {
      resourceType: 'ResearchSubject',
      status: 'candidate',
      study: { reference: `ResearchStudy/${sleep}` },
      individual: { reference: `Patient/${ann}` },
    })
  const refused = await anew()
  t.match([refused.statusCode, refused.json().issue[0].diagnostics], [422, /their Consent is ended first/])
  t.equal(await seen(), 0)
  const headers = { authorization: `Bearer ${lab.manager}` }
  await server.inject({ method: 'DELETE', url: `/fhir/ResearchSubject/${place.id}`, headers })
  t.equal((await anew()).statusCode, 422, 'even if the place that they left is deleted')

  const [{ resource: given }] = (await send(own, 'GET', 'Consent')).json().entry
  const why = { url: inactivationReason, valueCodeableConcept: { text: 'They have left' } }
  await send('everything', 'PUT', `Consent/${given.id}`, {
    ...given,
    status: 'inactive',
    extension: [why],
  })
  const again = await anew()
  t.equal(again.statusCode, 201)
  t.equal(await seen(), 0)

  const { id: _, meta: __, ...signed } = given
  await create('everything', { ...signed, dateTime: new Date().toISOString() })
  const { id, ...back } = again.json()
  t.equal(
    (await send(lab.manager, 'PUT', `ResearchSubject/${id}`, { ...back, id, status: 'on-study' })).statusCode,
    200,
  )
  t.equal(await seen(), 1)

  const period = { end: '2020-01-01' }
  await send(lab.manager, 'PUT', `ResearchSubject/${id}`, { ...back, id, status: 'on-study', period })
  t.equal(await seen(), 0)
  t.equal(
    (await send(lab.manager, 'PUT', `ResearchSubject/${id}`, { ...back, id, status: 'on-study' })).statusCode,
    422,
    'nor by a period that has not ended after all',
  )
  const left = { ...back, status: 'withdrawn' }
  t.equal((await send(lab.manager, 'POST', 'ResearchSubject', left)).statusCode, 201, 'that they have left can be said')
  t.equal(
    (await anew()).statusCode,
    422,
    'and while they give something, a place whose period has ended is left as well',
  )
})

t.test('a place in a study that begins on a later day opens nothing before that day, whatever was signed', async t => {
  const lab = await institution('institute')
  const kinds = ['omh:heart-rate']
  const { id: sleep, researcher } = await study(lab.manager, lab.organization, 'Sleep again', kinds)
  const bob = await participant(lab.manager, lab.organization, sleep, kinds, 'Bob')
  await create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${bob}` },
    effectiveDateTime: '2030-01-01T00:00:00Z',
  })
  const reader = await staffToken(researcher, 'user/*.rs')
  const seen = async () => (await send(reader, 'GET', `Observation?patient=${bob}`)).json().entry?.length ?? 0
  t.equal(await seen(), 1)
  const [{ resource: place }] = (await send(lab.manager, 'GET', `ResearchSubject?patient=${bob}`)).json().entry
  const begins = (start: string) =>
    send(lab.manager, 'PUT', `ResearchSubject/${place.id}`, { ...place, period: { start } })
  t.equal((await begins('2999-01-01')).statusCode, 200)
  t.equal(await seen(), 0)
  t.equal((await begins('2020-01-01')).statusCode, 200)
  t.equal(await seen(), 1)
})

t.test(
  'a place that becomes one in another study closes the first, and opens nothing that was given to that other',
  async t => {
    const lab = await institution('college')
    const kinds = ['omh:heart-rate']
    const day = await study(lab.manager, lab.organization, 'Day', kinds)
    const night = await study(lab.manager, lab.organization, 'Night', kinds)
    const cat = await participant(lab.manager, lab.organization, day.id, kinds, 'Cat')
    await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      subject: { reference: `Patient/${cat}` },
      effectiveDateTime: '2030-01-01T00:00:00Z',
    })
    const reader = await staffToken(day.researcher, 'user/*.rs')
    const seen = async () => (await send(reader, 'GET', `Observation?patient=${cat}`)).json().entry?.length ?? 0
    const [{ resource: place }] = (await send(lab.manager, 'GET', `ResearchSubject?patient=${cat}`)).json().entry
    const become = (one: typeof day) =>
      send('everything', 'PUT', `ResearchSubject/${place.id}`, {
        ...place,
        study: { reference: `ResearchStudy/${one.id}` },
      })
    t.equal(await seen(), 1)
    t.equal((await become(night)).statusCode, 200)
    t.equal(await seen(), 0, 'they have no place in the study to which they gave it')
    t.match((await become(day)).json(), { issue: [{ diagnostics: /their Consent is ended first/ }] })
  },
)
