import type { ContactPoint } from '@medplum/fhirtypes'
import t from 'tap'
import { addressesOf, hasOnlyUnreadMobiles } from '../../../src/storage/model/patient-address.ts'

const mobile = (value: string): ContactPoint => ({ system: 'phone', use: 'mobile', value })
const patient = (...telecom: ContactPoint[]) => ({ resourceType: 'Patient' as const, telecom })

t.test('a text message goes to the number that was meant, and none to what can be no number', async t => {
  const reached = (...values: string[]) => addressesOf(patient(...values.map(mobile)))
  const swiss = [{ channel: 'sms', address: '+41791234567' }]
  t.strictSame(reached('+41 079 123 45 67'), swiss)
  t.strictSame(reached('+410791234567'), swiss, 'as an earlier version has stored it')
  for (const none of ['079 123 45 67', '+41 79 123 45 6', '+41 79 123 45 67 8', 'ask the ward'])
    t.same(reached(none), [], none)
  t.strictSame(reached('079 123 45 67', '+41 79 123 45 67'), swiss, 'the first that is one')
})

t.test('a record whose only mobile numbers can be none is told from one without any', async t => {
  const landline = { system: 'phone', use: 'home', value: '1' } as const
  t.equal(hasOnlyUnreadMobiles(patient(mobile('079 123 45 67'), { system: 'sms', value: '1' })), true)
  t.equal(hasOnlyUnreadMobiles(patient(mobile('079 123 45 67'), mobile('+41 79 123 45 67'))), false)
  t.equal(hasOnlyUnreadMobiles(patient(landline, { system: 'sms', use: 'old', value: '1' })), false)
  t.equal(hasOnlyUnreadMobiles({ resourceType: 'Patient' }), false)
})
