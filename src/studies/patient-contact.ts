import type { ContactPoint, Patient } from '@medplum/fhirtypes'
import { FhirError, unlessRefused } from '../fhir/error.ts'
import { isError, validate } from '../fhir/validate/validate.ts'
import { type Channel, isOf, toMobile } from '../storage/model/patient-address.ts'
import { callerOfPerson } from '../storage/token.ts'
import { toAddress } from '../storage/user-account.ts'
import type { RegisteringParts } from './registering.ts'

/** How a patient is reached; empty texts where it is not known. */
export type PatientContact = { readonly email: string; readonly mobile: string; readonly language: string }

/** What those who have registered a patient change of how the patient is reached. */
export type PatientContacts = {
  /** Undefined where the person may not change it, or there is no such patient. */
  readonly find: (person: string, patient: string) => Promise<ContactToChange | undefined>
  /** Only after `version`. Throws FhirError, with 412 where somebody else was faster. */
  readonly change: (person: string, patient: string, version: string, contact: PatientContact) => Promise<void>
}

type ContactToChange = { readonly patient: Patient; readonly version: string; readonly contact: PatientContact }

export const openPatientContacts = (parts: RegisteringParts): PatientContacts => {
  const openAs = async (person: string) => {
    const caller = await callerOfPerson(parts.accounts.database, { person, client: 'pages', scope: 'user/Patient.ru' })
    return { caller, store: parts.openStoreFor(caller) }
  }
  return {
    find: async (person, id) => {
      const { caller, store } = await openAs(person)
      const stored = await unlessRefused(() => store.read('Patient', id))
      const patient: Patient | undefined = stored && JSON.parse(stored.content)
      const owner = /^Organization\/(.+)$/.exec(patient?.managingOrganization?.reference ?? '')?.[1] ?? ''
      if (stored === undefined || patient === undefined || !caller.organizations.includes(owner)) return undefined
      return { patient, version: stored.versionId, contact: contactOf(patient) }
    },
    change: async (person, id, ifMatch, contact) => {
      const { store } = await openAs(person)
      const change = (stored: unknown) => valid(parts, withContact(stored as Patient, contact))
      const [written] = await store.write([{ kind: 'patch', type: 'Patient', id, ifMatch, change }])
      if (written?.outcome === 'refused') throw written.error
    },
  }
}

const valid = ({ registry }: RegisteringParts, patient: Patient): Patient => {
  const [first, ...rest] = validate(registry, patient).filter(isError)
  if (first !== undefined) throw FhirError.of([first, ...rest])
  return patient
}

const contactOf = ({ telecom = [], communication = [] }: Patient): PatientContact => {
  const preferred = communication.find(one => one.preferred) ?? communication[0]
  return {
    email: telecom.find(isOf.email)?.value ?? '',
    mobile: telecom.find(isOf.sms)?.value ?? '',
    language: preferred?.language.coding?.[0]?.code?.split('-')[0] ?? '',
  }
}

/** What else stands there stays. */
const withContact = (patient: Patient, { email, mobile, language }: PatientContact): Patient => {
  const { telecom: before = [], communication: spoken = [], ...rest } = patient
  const withEmail = replaced(before, 'email', { system: 'email', value: toAddress(email) })
  const telecom = replaced(withEmail, 'sms', { system: 'phone', use: 'mobile', value: toMobile(mobile) ?? '' })
  const communication = contactOf(patient).language === language ? spoken : spokenFirst(spoken, language)
  return { ...rest, ...(telecom.length > 0 && { telecom }), ...(communication.length > 0 && { communication }) }
}

const replaced = (telecom: readonly ContactPoint[], channel: Channel, entry: ContactPoint): ContactPoint[] => {
  const at = telecom.findIndex(isOf[channel])
  const next = at < 0 ? entry : { ...telecom[at], value: entry.value }
  const kept = entry.value === '' ? [] : [next as ContactPoint]
  return at < 0 ? [...telecom, ...kept] : telecom.toSpliced(at, 1, ...kept)
}

const spokenFirst = (spoken: NonNullable<Patient['communication']>, language: string) => {
  const others = spoken
    .filter(one => one.language.coding?.[0]?.code?.split('-')[0] !== language)
    .map(({ preferred: _, ...one }) => one)
  const own = { language: { coding: [{ system: 'urn:ietf:bcp:47', code: language }] }, preferred: true }
  return language === '' ? others : [own, ...others]
}
