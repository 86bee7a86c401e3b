import type { Observation, Subscription } from '@medplum/fhirtypes'
import { systems } from '../../src/fhir/canonical.ts'
import { sql } from '../../src/storage/sql.ts'
import { openStudies } from '../support/study.ts'
import { openReceiver, until } from './receiver.ts'

/** A study with a researcher who may be notified of what its one participant measures, and a server that receives. */
export const openSubscriptionWorld = async () => {
  const receiver = await openReceiver()
  const work = { pauseMs: 50, retries: 1 }
  const studies = await openStudies({ OUTBOUND_ORIGINS: receiver.origin }, work)
  const { organization, manager } = await studies.institution('here')
  const hearts = await studies.study(manager, organization, 'hearts', ['omh:heart-rate'])
  const researcher = await studies.staffToken(hearts.researcher, scope)
  const participate = async (name: string) => {
    const patient = await studies.participant(manager, organization, hearts.id, ['omh:heart-rate'], name)
    return {
      patient,
      bearer: await studies.patientToken(patient, 'patient/*.cruds patient/Consent.cruds patient/Subscription.cruds'),
    }
  }
  const { patient, bearer: ann } = await participate('ann')

  const measure = (value: number) => studies.create<Observation>(ann, heartRate(patient, value))
  const subscribe = async (bearer: string, more: Partial<Subscription> = {}) => {
    const { id } = await studies.create<Subscription>(bearer, { ...toHook(receiver.origin), ...more })
    return id
  }
  const read = async (bearer: string, id: string): Promise<Subscription> =>
    (await studies.send(bearer, 'GET', `Subscription/${id}`)).json()
  const reaches = (bearer: string, id: string, status: Subscription['status']) =>
    until(async () => {
      const subscription = await read(bearer, id)
      return subscription.status === status && subscription
    })
  /** Nobody works on its notifications, or is going to. */
  const isIdle = (id: string) =>
    until(async () => {
      const { waiting } = await studies.database.one<{ waiting: boolean }>(sql.fragment`
        SELECT EXISTS (SELECT FROM change) OR EXISTS (
          SELECT FROM queue.job WHERE singleton_key LIKE ${id} || '%' AND state < 'completed') AS waiting`)
      return !waiting
    })
  const close = async () => {
    await studies.server.close()
    await receiver.close()
  }
  return {
    ...studies,
    receiver,
    organization,
    manager,
    hearts,
    participate,
    patient,
    researcher,
    ann,
    measure,
    subscribe,
    read,
    reaches,
    isIdle,
    close,
  }
}

export const scope = 'user/Observation.rs user/Subscription.cruds'

export const toHook = (origin: string): Subscription => ({
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'new heart rates',
  criteria: 'Observation?code=http://loinc.org|8867-4',
  channel: { type: 'rest-hook', endpoint: `${origin}/hook`, header: ['Authorization: Bearer of-the-hook'] },
})

export const heartRate = (patient: string, value: number): Observation => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: '2026-03-01T08:00:00Z',
  valueQuantity: { value, unit: '/min', system: systems.ucum, code: '/min' },
})
