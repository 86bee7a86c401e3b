import type { Consent, Person } from '@medplum/fhirtypes'
import t from 'tap'
import { studiesOfPerson } from '../../../src/storage/study/own-study.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)
const heartRate = 'omh:heart-rate'

await put(w.organization('lab'), w.study('s', 'lab', [w.requests(heartRate)]))

const account = (id: string, ...patients: readonly string[]): Person => ({
  resourceType: 'Person',
  id,
  link: patients.map(patient => ({ target: { reference: `Patient/${patient}` } })),
})
const given = (patient: string, status: NonNullable<Consent['status']>) =>
  w.consent('s', patient, status, [w.permit(heartRate)])
const none = { isToCome: false, deleted: undefined, signed: undefined }

t.test(
  'a study is of somebody who has a place in it, or who has answered it; what was only asked is no answer',
  async t => {
    for (const patient of ['in', 'asked', 'answered'])
      await put(w.registered(patient, 'lab'), account(patient, patient))
    await put(w.enrols('s', 'in'))
    await put(w.enrols('s', 'asked'), given('asked', 'proposed'), w.enrols('s', 'asked', 'withdrawn'))
    await put(w.enrols('s', 'answered'), given('answered', 'rejected'), w.enrols('s', 'answered', 'withdrawn'))
    t.strictSame(await studiesOfPerson(database, 'in'), [{ ...none, study: 's', patient: 'in', isEnrolled: true }])
    t.strictSame(await studiesOfPerson(database, 'asked'), [])
    t.strictSame(await studiesOfPerson(database, 'answered'), [
      { ...none, study: 's', patient: 'answered', isEnrolled: false },
    ])
  },
)

t.test(
  'of several records of one human, it is of the one by which the answer was given, with what was signed last',
  async t => {
    await put(
      w.registered('ann-1', 'lab'),
      w.registered('ann-2', 'lab'),
      w.enrols('s', 'ann-2'),
      given('ann-2', 'active'),
    )
    await put(account('ann', 'ann-1', 'ann-2'), given('ann-2', 'inactive'), w.enrols('s', 'ann-2', 'withdrawn'))
    t.strictSame(await studiesOfPerson(database, 'ann'), [
      { ...none, study: 's', patient: 'ann-2', isEnrolled: false, signed: 'consent-s-ann-2' },
    ])
  },
)
