import type { ContactPoint, Patient } from '@medplum/fhirtypes'
import { without, withValues } from '../../fhir/with-values.ts'
import { toAddress } from '../../storage/account/user-account.ts'
import { mobileText, toMobile } from '../../storage/model/mobile-number.ts'
import { type Channel, isOf } from '../../storage/model/patient-address.ts'
import { isUnchanged, type PatientFields } from './patient-fields.ts'

/** Where studies write to a patient, as it is typed and shown. */
export type PatientContacts = Pick<PatientFields, 'email' | 'mobile'>

export const contactsOf = ({ telecom = [] }: Patient): PatientContacts => ({
  email: telecom.find(isOf.email)?.value ?? '',
  mobile: mobileText(telecom.find(isOf.sms)?.value ?? ''),
})

/** Other entries of `telecom` stay, and so does one that is unchanged. What extensions say of a value goes with it, and so does when it is used. */
export const withContacts = (patient: Patient, contacts: PatientContacts): Patient => {
  const before = contactsOf(patient)
  const { telecom = [] } = patient
  const [email, number] = [toAddress(contacts.email), toMobile(contacts.mobile.trim()) ?? '']
  const written = isUnchanged('email', contacts, before)
    ? telecom
    : replaced(telecom, 'email', { system: 'email', value: email })
  const called = isUnchanged('mobile', contacts, before)
    ? written
    : replaced(written, 'sms', { system: 'phone', use: 'mobile', value: number })
  return { ...without(patient, 'telecom'), ...(called.length > 0 && { telecom: called }) }
}

const replaced = (telecom: readonly ContactPoint[], channel: Channel, entry: ContactPoint): ContactPoint[] => {
  const at = telecom.findIndex(isOf[channel])
  const before = telecom[at]
  const next = before === undefined ? entry : withValues(before, { value: entry.value, period: undefined })
  const kept = entry.value === '' ? [] : [next as ContactPoint]
  return at < 0 ? [...telecom, ...kept] : telecom.toSpliced(at, 1, ...kept)
}
