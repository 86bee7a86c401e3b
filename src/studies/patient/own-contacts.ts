import type { Patient } from '@medplum/fhirtypes'
import type { Accounts } from '../../accounts/accounts.ts'
import { type PostalFields, postalOf, withPostal } from '../../accounts/contact/postal-address.ts'
import { recordDoubt } from '../../accounts/sign-in/doubt.ts'
import { onceShown, type ShownAgain, type Unshown } from '../../accounts/sign-in/shown-again.ts'
import { FhirError, unlessRefused } from '../../fhir/error.ts'
import { withoutMadeNarrative } from '../../fhir/patch/stale-narrative.ts'
import type { Registry } from '../../fhir/registry.ts'
import { requireValidChange } from '../../fhir/validate/valid-change.ts'
import { isInForce, type Session } from '../../storage/account/session.ts'
import { lockAccount } from '../../storage/account/user-account.ts'
import { callerOfPatient, patientsOf } from '../../storage/authorization/token.ts'
import type { Store, Write } from '../../storage/store.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { nameOf, type OwnParts, recordIn } from '../consent/own-record.ts'
import { contactsOf, type PatientContacts, withContacts } from './patient-contacts.ts'

export type OwnAddresses = PatientContacts & PostalFields

/** A record of whoever is signed in, of whom there may be several: each has its own addresses. */
export type OwnContacts = {
  readonly patient: Patient
  readonly version: string
  /** The name of the organization that keeps the record; undefined if none does. */
  readonly organization: string | undefined
  readonly contacts: OwnAddresses
}

type Parts = Omit<OwnParts, 'accounts'> & { readonly accounts: Accounts }

/** All records of the person, and of those for whom they act. */
export const ownContacts = async (parts: Parts, person: string): Promise<readonly OwnContacts[]> => {
  const ids = await patientsOf(parts.accounts.database, person)
  const found = await Promise.all(ids.map(id => findOwnContacts(parts, person, id)))
  return found.filter(one => one !== undefined)
}

/** Undefined if the Patient is not the person's. */
export const findOwnContacts = async (parts: Parts, person: string, id: string): Promise<OwnContacts | undefined> => {
  const store = await openOwn(parts, person, id)
  if (store === undefined) return undefined
  const stored = await unlessRefused(() => store.read('Patient', id))
  if (stored === undefined) return undefined
  const patient: Patient = JSON.parse(stored.content)
  const record = recordIn(store, parts.registry, id)
  const organization = await nameOf(record, patient.managingOrganization?.reference)
  return {
    patient,
    version: stored.versionId,
    organization,
    contacts: { ...contactsOf(patient), ...postalOf(patient) },
  }
}

type Change = {
  readonly patient: string
  /** The one that was shown. */
  readonly version: string
  readonly contacts: OwnAddresses
}

/**
 * Writes the version after the one that was shown, if the person shows once more that they are: codes and links are sent to these addresses, and
 * whoever finds a session open must not lead them elsewhere. Undefined if it is done. Throws FhirError, with 412 if something else was faster;
 * then no code is used up.
 */
export const changeOwnContacts = async (
  parts: Parts,
  { id: session, person }: Pick<Session, 'id' | 'person'>,
  change: Change,
  shown: ShownAgain,
): Promise<Unshown | undefined> => {
  const { accounts, registry } = parts
  const { database } = accounts
  const store = await openOwn(parts, person, change.patient)
  if (store === undefined) throw new FhirError('not-found', `Patient/${change.patient} is not known`)
  const asked = await onceShown<true>(accounts, person, shown, {
    begin: run =>
      store.atomic(async (within, connection) => {
        const isAllowed = await run(connection)
        if (isAllowed) await writeOrThrow(within, toWrite(registry, change))
        return isAllowed
      }),
    run: async connection => {
      // Nothing continues that began before a new password.
      await lockAccount(connection, person)
      return (await isInForce(connection, session)) || undefined
    },
  })
  if (asked.kind === 'unshown') return asked
  if (asked.done) return undefined
  await recordDoubt(database, person, 'wrong')
  return { field: 'password', answer: 'wrong' }
}

const openOwn = async (
  { accounts, openStoreFor }: Parts,
  person: string,
  patient: string,
): Promise<Store | undefined> => {
  const caller = await callerOfPatient(accounts.database, { person, patient, client: 'pages', scope })
  return caller && openStoreFor(caller)
}

const scope = 'user/Patient.ru user/Organization.r'

const toWrite = (registry: Registry, { patient, version, contacts }: Change): Write => ({
  kind: 'patch',
  type: 'Patient',
  id: patient,
  ifMatch: version,
  change: stored => {
    const changed = withPostal(withContacts(stored as Patient, contacts), contacts)
    return requireValidChange(registry, stored, withoutMadeNarrative(stored, changed))
  },
})
