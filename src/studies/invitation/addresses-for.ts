import type { Patient, ResearchStudy } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import type { Accounts } from '../../accounts/accounts.ts'
import { ownStore } from '../../accounts/person.ts'
import { FhirError, unlessRefused } from '../../fhir/error.ts'
import type { Channels } from '../../messages/channels.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { type Address, addressesOf, type Channel, hasOnlyUnreadMobiles } from '../../storage/model/patient-address.ts'
import type { Store } from '../../storage/store.ts'
import { isOfTenant } from '../../storage/study/invitation.ts'
import { sponsorOf } from '../definition/study-sponsor.ts'
import { reasonNotToWrite } from '../patient/reason-not-to-write.ts'

/** `any`: by e-mail, or by text message if there is no e-mail address. `both`: by each for which there is an address. */
export type Way = 'any' | 'both' | Channel

export type ReachParts = {
  readonly accounts: Pick<Accounts, 'database' | 'openStoreAs'>
  readonly openStoreFor: (caller: Caller) => Store
  readonly channels: Channels
}

/** The ways by which this server writes to patients. */
export const waysOf = ({ email, sms }: Channels): readonly Way[] => {
  if (email !== undefined && sms !== undefined) return ['any', 'email', 'sms', 'both']
  return [...(email === undefined ? [] : ['email' as const]), ...(sms === undefined ? [] : ['sms' as const])]
}

/** What a refusal names if the record of the patient has to be completed first. */
export const unfinishedRecord = 'Patient'

type Written = { readonly person: string; readonly patient: string; readonly study: ResearchStudy }

/**
 * The addresses at which a patient of the study can be written to. Throws FhirError that says what is missing: whoever may invite may know
 * that much of a record that they may not read, and nothing else.
 */
export const addressesFor = async (parts: ReachParts, written: Written, way: Way): Promise<readonly Address[]> => {
  if (waysOf(parts.channels).length === 0)
    throw new FhirError('business-rule', 'This server sends no e-mail: its operator sets SMTP_URL')
  const record = (await mayWriteTo(parts, written)) ? await readPatient(parts, written.patient) : undefined
  const why = record && reasonNotToWrite(record)
  if (why !== undefined)
    throw new FhirError('business-rule', (await maySee(parts, written)) ? notWritten[why] : notWritten.unseen)
  const lacked = lackedBy(parts, record, way)
  if (lacked !== undefined)
    throw new FhirError(
      'business-rule',
      `The record of this patient lacks ${lacked}: whoever has registered them completes it`,
      { expression: unfinishedRecord },
    )
  return record === undefined ? [] : addressesBy(parts, record, way)
}

/** What the record would need to have, so that the patient can be written to; undefined if it lacks nothing. */
export const lackedBy = (
  parts: Pick<ReachParts, 'channels'>,
  record: Patient | undefined,
  way: Way = 'any',
): string | undefined => {
  const missing = [
    ...(record === undefined || addressesBy(parts, record, way).length === 0
      ? [lackingAddress(parts, record, way)]
      : []),
    ...(/^\d{4}-\d\d-\d\d$/.test(record?.birthDate ?? '') ? [] : ['a full birth date']),
  ]
  return missing.length === 0 ? undefined : missing.join(' and ')
}

const notWritten = {
  deceased: 'Their record says that they have died: nobody writes to them any more',
  inactive: 'Their record is not in use any more: nobody writes to them by it',
  unseen: 'Nobody writes to this patient any more: whoever has registered them knows why',
} as const

/** Any of those by which messages of that way would be sent. */
const lackingAddress = ({ channels }: Pick<ReachParts, 'channels'>, record: Patient | undefined, way: Way): string =>
  (way === 'any' || way === 'both' ? (['email', 'sms'] as const).filter(one => channels[one] !== undefined) : [way])
    .map(channel => (channel === 'sms' && record && hasOnlyUnreadMobiles(record) ? unread : lacking[channel]))
    .join(' or ')

const lacking: Readonly<Record<Channel, string>> = {
  email: 'an e-mail address',
  sms: 'a mobile number with its country code',
}

/** A record from elsewhere may have any text there. */
const unread = `${lacking.sms} (the one in it has none, or has too few or too many digits)`

const addressesBy = ({ channels }: Pick<ReachParts, 'channels'>, record: Patient, way: Way): readonly Address[] => {
  const reached = addressesOf(record).filter(({ channel }) => channels[channel] !== undefined)
  if (way === 'both') return reached
  return way === 'any' ? reached.slice(0, 1) : reached.filter(({ channel }) => channel === way)
}

/** With an id alone, nobody may write to a patient of another tenant, nor learn whether there is one. */
const mayWriteTo = async (parts: ReachParts, written: Written): Promise<boolean> =>
  (await isOfTenant(parts.accounts.database, written.patient, sponsorOf(written.study) ?? '')) || maySee(parts, written)

const maySee = async ({ accounts, openStoreFor }: ReachParts, { person, patient }: Written): Promise<boolean> => {
  const caller = await callerOfPerson(accounts.database, { person, client: 'pages', scope: 'user/Patient.r' })
  return (await unlessRefused(() => openStoreFor(caller).read('Patient', patient))) !== undefined
}

const readPatient = async (parts: ReachParts, id: string): Promise<Patient | undefined> => {
  const stored = await unlessRefused(() => ownStore(parts.accounts.openStoreAs).read('Patient', id))
  return stored && JSON.parse(stored.content)
}
