import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import type { Address } from '../../../src/storage/model/patient-address.ts'
import { holdAddresses } from '../../../src/storage/study/held-addresses.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)
const email: Address = { channel: 'email', address: 'ann@example.org' }
const mobile: Address = { channel: 'sms', address: '+34600111222' }

await put(w.organization('lab'), {
  ...(w.registered('ann', 'lab') as Patient),
  telecom: [
    { system: 'email', value: email.address },
    { system: 'phone', use: 'mobile', value: mobile.address },
  ],
})

const hold = (patient: string, ...addresses: readonly Address[]) =>
  database.transaction(connection => holdAddresses(connection, patient, addresses))

t.test('what is sent goes to addresses that are all in the record of the patient, each for its channel', async t => {
  await t.resolves(hold('ann', email, mobile))
  await t.resolves(hold('ann'))
  const changed = new FhirError(
    'business-rule',
    'The record of this patient was changed at the same moment: do it once more',
  )
  for (const [why, patient, ...addresses] of [
    ['one of two is not theirs any more', 'ann', email, { ...mobile, address: '+34600111333' }],
    ['a number is no address of e-mail', 'ann', { ...mobile, channel: 'email' }],
    ['there is no such record', 'bob', email],
  ] as const)
    await t.rejects(hold(patient, ...addresses), changed, why)
})
