import type { Consent, ResearchSubject, Subscription } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { consent } from '../support/study.ts'
import { until } from './receiver.ts'
import { openSubscriptionWorld } from './world.ts'

const world = await openSubscriptionWorld()
const { receiver, hearts, organization, database } = world
t.teardown(world.close)

const scope = 'user/Consent.rs user/ResearchSubject.rs user/Subscription.cruds'
const researcher = await world.staffToken(hearts.researcher, scope)
const elsewhere = await world.institution('elsewhere')
const other = await world.study(elsewhere.manager, elsewhere.organization, 'other', ['omh:heart-rate'])
const stranger = await world.staffToken(other.researcher, scope)
const study = `ResearchStudy/${hearts.id}`

const subscribe = async (bearer: string, type: string, path: string) => {
  const channel: Subscription['channel'] = {
    type: 'rest-hook',
    endpoint: `${receiver.origin}/${path}`,
    payload: 'application/fhir+json',
  }
  const id = await world.subscribe(bearer, { criteria: `${type}?study=${study}`, channel })
  await world.reaches(bearer, id, 'active')
}
for (const type of ['ResearchSubject', 'Consent']) {
  await subscribe(researcher, type, 'study')
  await subscribe(stranger, type, 'elsewhere')
}

/** What came of the change, once nothing is waiting: where to, and the status that it names. */
const toldOf = async (change: () => Promise<unknown>) => {
  receiver.received.splice(0)
  await change()
  await until(async () => {
    const { waiting } = await database.one<{ waiting: boolean }>(sql.fragment`
      SELECT EXISTS (SELECT FROM change) OR EXISTS (
        SELECT FROM subscriber WHERE status = 'active' AND last_event > last_told) AS waiting`)
    return !waiting
  })
  return receiver.received.map(({ method, path, body }) => `${method} ${path}: ${JSON.parse(body).status}`).sort()
}

const { id: patient } = await world.create(world.manager, {
  resourceType: 'Patient',
  managingOrganization: { reference: `Organization/${organization}` },
})
const bearer = await world.patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
const subject: ResearchSubject = {
  resourceType: 'ResearchSubject',
  status: 'candidate',
  study: { reference: study },
  individual: { reference: `Patient/${patient}` },
}
const given = () => consent(patient, hearts.id, organization, ['omh:heart-rate'])

t.test(
  'whoever works in a study is notified of enrolment, refusal, consent and withdrawal, and nobody else',
  async t => {
    const made: { subject?: ResearchSubject; answer?: Consent } = {}
    const enrolled = await toldOf(async () => {
      made.subject = await world.create(world.manager, subject)
    })
    t.same(enrolled, [`PUT /study/ResearchSubject/${made.subject?.id}: candidate`])
    const refused = await toldOf(async () => {
      made.answer = await world.create<Consent>(bearer, { ...given(), status: 'rejected' })
    })
    const place = `PUT /study/ResearchSubject/${made.subject?.id}`
    t.same(refused, [`PUT /study/Consent/${made.answer?.id}: rejected`, `${place}: candidate`], 'the place names it')
    const agreed = await toldOf(async () => {
      made.answer = await world.create<Consent>(bearer, given())
    })
    t.same(agreed, [`PUT /study/Consent/${made.answer?.id}: active`, `${place}: on-study`])
    const stopping = () => world.update(bearer, { ...given(), id: made.answer?.id ?? '', status: 'inactive' })
    t.same(await toldOf(stopping), [`PUT /study/Consent/${made.answer?.id}: inactive`, `${place}: candidate`])
    const leaving = () => world.update(bearer, { ...subject, id: made.subject?.id ?? '', status: 'withdrawn' })
    t.same(await toldOf(leaving), [`${place}: withdrawn`])
  },
)
