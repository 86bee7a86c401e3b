import type { Bundle, Patient, ResearchSubject, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../src/fhir/canonical.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { callers, clients } from './callers.ts'
import * as facts from './facts.ts'
import { openNoLeakWorld } from './world.ts'

/** What a place in a study says of who somebody is reaches nobody but the people of a coded study, and those who read the Patient. */
const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
t.setTimeout(240_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })

const resourcesIn = <R extends Resource>(body: string): readonly R[] =>
  ((JSON.parse(body) as Bundle<R>).entry ?? []).flatMap(({ resource }) => resource ?? [])
const stored = async <R extends Resource>(type: R['resourceType']): Promise<readonly R[]> =>
  resourcesIn((await world.everything('GET', `${type}?_count=1000`)).body)

const patients = await stored<Patient>('Patient')
for (const patient of patients) {
  const corrected = { ...patient, gender: 'other', birthDate: '1933-03-03' }
  await world.everything('PUT', `Patient/${patient.id}`, corrected)
}
const places = await stored<ResearchSubject>('ResearchSubject')
const says = ({ extension = [] }: ResearchSubject) =>
  extension.some(({ url }) => url === extensions.gender || url === extensions.birthYear)
const studyOf = ({ study }: ResearchSubject) =>
  facts.studies.find(({ id }) => study.reference === `ResearchStudy/${id}`)
const patientOf = ({ individual }: ResearchSubject) =>
  patients.find(({ id }) => individual.reference === `Patient/${id}`)

t.test(
  'places say who somebody is in coded studies alone, and of those whom their organization has registered',
  async t => {
    const expected = places.map(place => {
      const [study, patient] = [studyOf(place), patientOf(place)]
      const isOwn = patient?.managingOrganization?.reference === `Organization/${study?.organization}`
      return study?.identity === 'coded' && isOwn
    })
    t.strictSame(places.map(says), expected)
    t.ok(expected.includes(true) && expected.includes(false))
  },
)

for (const caller of callers.filter(({ token }) => token !== undefined))
  t.test(`${caller.name} is told by places of nobody else, in no version`, async t => {
    const call = world.call(caller.token && (await world.token(caller.token)))
    for (const place of places) {
      const { status, body } = await call('GET', `ResearchSubject/${place.id}/_history`)
      if (status !== 200 || !resourcesIn<ResearchSubject>(body).some(says)) continue
      const readsPatient = (await call('GET', place.individual.reference ?? '')).status === 200
      t.ok(readsPatient || studyOf(place)?.identity === 'coded', `${place.id}`)
    }
    t.pass('all places were asked for')
  })
