import type { Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { openStudies } from '../support/study.ts'

const { server, send, create, institution, study, participant, staffToken, patientToken } = await openStudies()
t.teardown(() => server.close())

const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] })
const observation = (patient: string, code: string, day: string) => ({
  resourceType: 'Observation' as const,
  status: 'final' as const,
  code: loinc(code),
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: day,
})

const { organization, manager } = await institution('institute')
const heart = await study(manager, organization, 'heart', ['omh:heart-rate'])
const [ann, bob] = [
  await participant(manager, organization, heart.id, ['omh:heart-rate'], 'Ann'),
  await participant(manager, organization, heart.id, ['omh:heart-rate'], 'Bob'),
]
for (const [patient, day] of [
  [ann, '2026-01-01'],
  [ann, '2026-02-01'],
  [bob, '2026-01-01'],
] as const)
  await create(await patientToken(patient, 'patient/*.cruds'), observation(patient, '8867-4', day))
const doctor = await create('everything', { resourceType: 'Practitioner', name: [{ family: 'Doctor' }] })
await create('everything', {
  ...observation(ann, '29463-7', '2026-01-15'),
  performer: [{ reference: `Practitioner/${doctor.id}` }],
})
await create('everything', {
  resourceType: 'Condition',
  subject: { reference: `Patient/${ann}` },
  recordedDate: '2025-01-01',
})
await create('everything', {
  resourceType: 'Flag',
  status: 'active',
  code: { text: 'x' },
  subject: { reference: `Patient/${ann}` },
})

/** `Type`, or `Type+` if it was included, for every entry, sorted; all pages. */
const typesIn = async (bearer: string, path: string) => {
  const found: string[] = []
  for (let url: string | undefined = path; url !== undefined; ) {
    const answer = await send(bearer, 'GET', url)
    t.equal(answer.statusCode, 200, answer.body)
    const bundle: Bundle = answer.json()
    found.push(
      ...(bundle.entry ?? []).map(one => `${one.resource?.resourceType}${one.search?.mode === 'include' ? '+' : ''}`),
    )
    url = bundle.link?.find(({ relation }) => relation === 'next')?.url
  }
  return found.sort().join(' ')
}
const own = await patientToken(ann, 'patient/*.rs')
const researcher = await staffToken(heart.researcher, 'user/*.rs')

t.test('a patient gets everything in their own compartment, the Patient first', async t => {
  const answer = (await send(own, 'GET', `Patient/${ann}/$everything`)).json()
  t.match(answer, {
    resourceType: 'Bundle',
    type: 'searchset',
    entry: [{ resource: { resourceType: 'Patient', id: ann } }],
  })
  const types = await typesIn(own, `Patient/${ann}/$everything`)
  t.match(types, /^Condition Consent .*Flag Observation Observation Observation .*Patient .*ResearchSubject/)
})

t.test('a researcher gets the part of it that the consent covers', async t => {
  t.equal(
    await typesIn(researcher, `Patient/${ann}/$everything?_type=Observation,Condition,Flag,Patient`),
    'Observation Observation Patient',
  )
})

t.test('what is referred to is included, and pages lead through all of it', async t => {
  const everything = await typesIn('everything', `Patient/${ann}/$everything`)
  t.match(everything, /^Condition Consent .*Observation Observation Observation .*Practitioner\+/)
  const matches = async (query: string) =>
    (await typesIn('everything', `Patient/${ann}/$everything?${query}`)).replace(/ ?\w+\+/g, '')
  t.equal(await matches('_count=1'), await matches(''))
})

t.test('_type selects types among matches and included resources', async t => {
  for (const [asked = '', expected = ''] of [
    ['Observation', 'Observation Observation Observation'],
    ['Practitioner', 'Practitioner+'],
    ['Observation,Practitioner', 'Observation Observation Observation Practitioner+'],
    ['Flag,Patient', 'Flag Patient'],
    ['Observation&_type=Condition', 'Condition Observation Observation Observation'],
    ['Medication', ''],
  ])
    t.equal(await typesIn('everything', `Patient/${ann}/$everything?_type=${asked}`), expected, asked)
  const paged = await typesIn('everything', `Patient/${ann}/$everything?_type=Practitioner&_count=1`)
  t.equal(paged, 'Practitioner+')
})

t.test('a Binary comes along with what names it, by a reference or by its address', async t => {
  const { id: dan } = await create('everything', {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${organization}` },
  })
  const binary = (securityContext: string) =>
    create('everything', {
      resourceType: 'Binary' as const,
      contentType: 'text/plain',
      securityContext: { reference: securityContext },
      data: 'YQ==',
    })
  const [letter, scan, unnamed, ofBob] = [
    await binary(`Patient/${dan}`),
    await binary(`Patient/${dan}`),
    await binary(`Patient/${dan}`),
    await binary(`Patient/${bob}`),
  ]
  await create('everything', {
    resourceType: 'DocumentReference',
    status: 'current',
    subject: { reference: `Patient/${dan}` },
    extension: [{ url: 'http://example.org/scan', valueReference: { reference: `Binary/${scan.id}` } }],
    content: [
      { attachment: { url: `http://localhost/fhir/Binary/${letter.id}/_history/1` } },
      { attachment: { url: `Binary/${ofBob.id}` } },
    ],
  })
  const binaries = async (scope: string, query = '') => {
    const bundle: Bundle = (
      await send(await patientToken(dan, scope), 'GET', `Patient/${dan}/$everything?_count=1000${query}`)
    ).json()
    return (bundle.entry ?? []).flatMap(({ resource, search }) =>
      resource?.resourceType === 'Binary' ? [`${resource.id} ${search?.mode}`] : [],
    )
  }
  const named = [letter, scan].map(({ id }) => `${id} include`).toSorted()
  t.strictSame((await binaries('patient/*.rs patient/Binary.rs')).toSorted(), named, `neither ${unnamed.id}`)
  const asked = await binaries('patient/*.rs patient/Binary.rs', '&_type=DocumentReference,Binary')
  t.strictSame(asked.toSorted(), named)
  t.strictSame(await binaries('patient/*.rs patient/Binary.rs', '&_type=DocumentReference'), [])
  t.strictSame(await binaries('patient/*.rs'), [], 'for which the token has no scope')
})

t.test('nobody is included for being in the same Group', async t => {
  const bundle: Bundle = (await send(manager, 'GET', `Patient/${ann}/$everything`)).json()
  const ids = (type: string) =>
    (bundle.entry ?? []).flatMap(({ resource }) => (resource?.resourceType === type ? resource.id : []))
  t.strictSame(ids('Group'), [heart.group])
  t.strictSame(ids('Patient'), [ann], `and not ${bob}`)
})

t.test('an invalid date is refused with the name of its parameter', async t => {
  for (const name of ['start', 'end', '_since']) {
    const answer = await send(own, 'GET', `Patient/${ann}/$everything?${name}=soon`)
    t.equal(answer.statusCode, 400)
    t.match(answer.json().issue, [{ diagnostics: `${name} is a date or an instant`, expression: [name] }])
  }
  const east = `Patient/${ann}/$everything?_since=2026-01-01T00:00:00+02:00`
  t.equal((await send(own, 'GET', east)).statusCode, 200)
})

t.test('a time that ends before it starts is refused, and the same day twice is that day', async t => {
  const ask = (query: string) => send(own, 'GET', `Patient/${ann}/$everything?${query}`)
  for (const query of ['start=2026-01-31&end=2026-01-10', 'start=2026-02&end=2026-01', 'start=2027&end=2026-12-31']) {
    const answer = await ask(query)
    t.equal(answer.statusCode, 400, query)
    t.strictSame(answer.json().issue, [
      { severity: 'error', code: 'invalid', diagnostics: 'end lies before start', expression: ['end'] },
    ])
  }
  for (const query of [
    'start=2026-01-10&end=2026-01-10',
    'start=2026-01-10&end=2026-01',
    'start=2026-01-10T10:00:00Z&end=2026-01-10T11:30:00%2B01:00',
    'end=1900',
  ])
    t.equal((await ask(query)).statusCode, 200, query)
})

t.test('start and end limit the time of care; what has no date is always there', async t => {
  const asked = `Patient/${ann}/$everything?_type=Observation,Condition,Flag&start=2026-01-10&end=2026-01-31`
  t.equal((await typesIn('everything', asked)).replace(/ ?\w+\+/g, ''), 'Flag Observation')
  t.equal(
    (await typesIn('everything', `Patient/${ann}/$everything?_type=Condition&_since=2999-01-01`)).replace(
      / ?\w+\+/g,
      '',
    ),
    '',
  )
})

t.test('for a Group, everything of its members, and the Group', async t => {
  t.equal(
    (await typesIn(researcher, `Group/${heart.group}/$everything?_type=Group,Patient,Observation`)).replace(
      / ?\w+\+/g,
      '',
    ),
    'Group Observation Observation Observation Patient Patient',
  )
})

t.test('for all Patients, everything of those that the caller may search', async t => {
  t.equal((await typesIn(own, 'Patient/$everything?_type=Patient')).replace(/ ?\w+\+/g, ''), 'Patient')
})

t.test('a wrong request, or one for nobody, is refused', async t => {
  t.equal((await send(own, 'GET', `Patient/${bob}/$everything`)).statusCode, 404)
  t.equal((await send(own, 'GET', `Group/${heart.group}/$everything`)).statusCode, 403)
  for (const [query, said] of [
    ['_type=Nonsense', /"Nonsense" is not a resource type/],
    ['start=soon', /soon/],
    ['code=x', /\$everything has no parameter "code"; it has: start, end, _since, _type, _count/],
    ['_count=-1', /_count is a whole number/],
  ] as const) {
    const answer = await send(own, 'GET', `Patient/${ann}/$everything?${query}`)
    t.equal(answer.statusCode, 400, query)
    t.match(answer.json().issue[0].diagnostics, said, query)
  }
})

t.test('a page is only empty if it is the last, and what merely leads to others is not counted', async t => {
  const device = await create('everything', { resourceType: 'Device', deviceName: [{ name: 'Watch', type: 'other' }] })
  for (const day of ['2026-03-01', '2026-03-02'])
    await create('everything', { ...observation(bob, '8867-4', day), device: { reference: `Device/${device.id}` } })
  for (const [type, pages, total] of [
    ['Device', ['Device'], 0],
    ['Observation,Device', ['Observation Device', 'Observation Device', 'Observation', ''], 3],
  ] as const) {
    const path = `Patient/${bob}/$everything?_type=${type}`
    const found: string[] = []
    for (let url: string | undefined = `${path}&_count=1`; url !== undefined; ) {
      const bundle: Bundle = (await send('everything', 'GET', url)).json()
      found.push((bundle.entry ?? []).map(({ resource }) => resource?.resourceType).join(' '))
      url = bundle.link?.find(({ relation }) => relation === 'next')?.url
    }
    t.strictSame(found, pages, path)
    t.equal((await send('everything', 'GET', `${path}&_count=0`)).json().total, total)
  }
})
