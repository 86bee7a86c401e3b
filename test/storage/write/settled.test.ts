import type { Bundle, Consent, ResearchSubject, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { openNewcomers } from '../../support/newcomers.ts'
import { consent } from '../../support/study.ts'

const world = await openNewcomers()
const { server, create, send, kinds, manager, organization, hearts, newcomer, placeOf } = world
t.teardown(() => server.close())

type Entry = readonly [method: 'POST' | 'PUT', url: string, resource: Resource, fullUrl?: string]

const transaction = async (prefer: string, ...entries: readonly Entry[]): Promise<Bundle> => {
  const entry = entries.map(([method, url, resource, fullUrl]) => ({
    ...(fullUrl !== undefined && { fullUrl }),
    request: { method, url },
    resource,
  }))
  const answer = await server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', prefer },
    payload: { resourceType: 'Bundle', type: 'transaction', entry },
  })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return answer.json()
}

const places = (answer: Bundle) =>
  (answer.entry ?? []).filter(({ response }) => response?.location?.includes('/ResearchSubject/'))

/** What the answer says of each place, and what a read says of it. */
const asAnswered = async (answer: Bundle) =>
  Promise.all(
    places(answer).map(async ({ response, resource }) => {
      const [, id = '', version] = response?.location?.match(/ResearchSubject\/([^/]+)\/_history\/(\d+)/) ?? []
      const read = await send('everything', 'GET', `ResearchSubject/${id}`)
      return {
        answered: [response?.etag, `W/"${version}"`, response?.lastModified, resource],
        stored: [read.headers.etag, read.headers.etag, read.json().meta.lastUpdated, read.json()],
      }
    }),
  )

const given = (patient: string): Consent => consent(patient, hearts.id, organization, kinds)

const enrolled = (patient: string): ResearchSubject => ({
  resourceType: 'ResearchSubject',
  status: 'candidate',
  study: { reference: `ResearchStudy/${hearts.id}` },
  individual: { reference: `Patient/${patient}` },
})

t.test('a place that the Consent of the same transaction has changed is answered as it is stored', async t => {
  const { patient, place } = await newcomer('Ann')
  const { id: unplaced } = await create(manager, {
    resourceType: 'Patient',
    name: [{ family: 'Bea' }],
    managingOrganization: { reference: `Organization/${organization}` },
  })
  const answer = await transaction(
    'return=representation',
    ['PUT', `ResearchSubject/${place}`, { ...(await placeOf(place)), assignedArm: 'a' } as ResearchSubject],
    ['PUT', 'Consent/given', { ...given(patient), id: 'given' } as Consent],
    ['PUT', 'Consent/given-too', { ...given(unplaced), id: 'given-too' } as Consent],
    ['POST', 'ResearchSubject', enrolled(unplaced)],
  )
  for (const { answered, stored } of await asAnswered(answer)) t.strictSame(answered, stored)
  t.strictSame(
    places(answer).map(({ response, resource }) => [response?.status, (resource as ResearchSubject).status]),
    [
      ['200 OK', 'on-study'],
      ['201 Created', 'on-study'],
    ],
  )
})

t.test('so is one of which a joining of the same transaction makes another version', async t => {
  const [one, other] = [await newcomer('Jo'), await newcomer('Joanna')]
  await one.gives()
  const link = [one, other].map(({ patient }) => ({ target: { reference: `Patient/${patient}` } }))
  const answer = await transaction(
    'return=representation',
    ['PUT', `ResearchSubject/${other.place}`, { ...(await placeOf(other.place)), assignedArm: 'b' } as ResearchSubject],
    ['POST', 'Person', { resourceType: 'Person', link }],
  )
  const [{ answered, stored } = { answered: [], stored: [] }] = await asAnswered(answer)
  t.strictSame(answered, stored)
  t.equal((await placeOf(other.place)).status, 'on-study')
})

t.test('so is one whose Patient is corrected by the same transaction, and a read in it says it too', async t => {
  const { id: patient } = await create('everything', {
    resourceType: 'Patient',
    gender: 'female',
    managingOrganization: { reference: `Organization/${organization}` },
  })
  const coded = await world.study(world.manager, organization, 'Coded', kinds, 'coded')
  const { id } = await create('everything', {
    ...enrolled(patient),
    study: { reference: `ResearchStudy/${coded.id}` },
  })
  const place: ResearchSubject = (await send('everything', 'GET', `ResearchSubject/${id}`)).json()
  const stored = (await send('everything', 'GET', `Patient/${patient}`)).json()
  const answer = await transaction(
    'return=representation',
    ['PUT', `ResearchSubject/${id}`, { ...place, assignedArm: 'c' } as ResearchSubject],
    ['PUT', `Patient/${patient}`, { ...stored, gender: 'other' }],
    ['GET', `ResearchSubject/${id}`] as unknown as Entry,
  )
  const [{ answered, stored: now } = { answered: [], stored: [] }] = await asAnswered(answer)
  t.strictSame(answered, now)
  t.match([answer.entry?.[0]?.resource, answer.entry?.[2]?.resource], [now.at(-1), now.at(-1)])
})

t.test('without a representation, the ETag is the one by which the next change goes through', async t => {
  const { patient, place } = await newcomer('Bea')
  const answer = await transaction(
    'return=minimal',
    ['PUT', `ResearchSubject/${place}`, { ...(await placeOf(place)), assignedArm: 'a' } as ResearchSubject],
    ['POST', 'Consent', given(patient)],
  )
  const next = await server.inject({
    method: 'PUT',
    url: `/fhir/ResearchSubject/${place}`,
    headers: {
      authorization: 'Bearer everything',
      'content-type': 'application/fhir+json',
      'if-match': places(answer)[0]?.response?.etag ?? '',
    },
    payload: { ...(await placeOf(place)), assignedArm: 'b' },
  })
  t.equal(next.statusCode, 200)
})
