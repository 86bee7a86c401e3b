import type { Patient, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import type { Caller } from '../access/caller.ts'
import { invitedBy } from '../access/inviting.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { extensions } from '../fhir/canonical.ts'
import { FhirError, unlessRefused } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Channels } from '../messages/channels.ts'
import { and } from '../search/expression.ts'
import { parseSearch } from '../search/parse.ts'
import { type Limit, mayTry } from '../storage/account/attempt.ts'
import {
  endInvitation,
  type InvitationState,
  invitationsOf,
  isOfTenant,
  linkToShow,
  makeInvitation,
} from '../storage/invitation.ts'
import { type Address, addressesOf, type Channel } from '../storage/model/patient-address.ts'
import type { Store } from '../storage/store.ts'
import { type MessageState, messagesOf } from '../storage/study-message.ts'
import { callerOfPerson } from '../storage/token.ts'
import { recordingInvitation } from './invitation-event.ts'

/** What staff do with invitations: those whom the rules let enrol people into the study. */
export type Invitations = {
  /** Of those whom the person may invite among the ResearchSubjects: what became of the last invitation, if there was one. */
  readonly list: (person: string, subjects: readonly string[]) => Promise<ReadonlyMap<string, Invited>>
  /** The ways by which this server writes to patients. */
  readonly ways: readonly Way[]
  /** Replaces the one before. Throws FhirError that says what is missing. */
  readonly invite: (by: InvitedBy, way?: Way) => Promise<void>
  readonly cancel: (by: InvitedBy) => Promise<void>
  /** The link, to be shown as a picture; undefined where there is no open invitation. */
  readonly show: (by: InvitedBy) => Promise<string | undefined>
}

type InvitedBy = { readonly person: string; readonly study: string; readonly subject: string }

/** `any`: by e-mail, or by text message where there is no e-mail address; `both`: by each that there is. */
type Way = 'any' | 'both' | Channel

/** `messages`: those about it, the latest first. */
export type Invited = { readonly invitation: InvitationState | undefined; readonly messages: readonly MessageState[] }

export type InvitationParts = {
  readonly accounts: Accounts
  readonly registry: Registry
  readonly openStoreFor: (caller: Caller) => Store
  readonly channels: Channels
  /** Has the message sent, by and by. */
  readonly ask: (message: string) => Promise<void>
}

export const openInvitations = (parts: InvitationParts): Invitations => {
  const { accounts } = parts
  return {
    list: async (person, subjects) => {
      if (subjects.length === 0) return new Map()
      const own = await findSubjects(parts, person, { _id: subjects.join(','), _count: String(subjects.length) })
      const ids = own.flatMap(({ id }) => id ?? [])
      const states = await invitationsOf(accounts.database, ids)
      const messages = Map.groupBy(await messagesOf(accounts.database, ids), ({ subject }) => subject)
      const invited = (id: string): Invited => ({
        invitation: states.find(({ subject }) => subject === id),
        messages: messages.get(id) ?? [],
      })
      return new Map(ids.map(id => [id, invited(id)]))
    },
    ways: waysOf(parts.channels),
    invite: async (by, way = 'any') => {
      const { patient, study, addresses } = await findInvitable(parts, by, way)
      const made = await recordingInvitation(
        accounts.openStoreAs,
        { what: 'made', ...eventOf(by, patient, study) },
        connection =>
          makeInvitation(connection, {
            subject: by.subject,
            study: by.study,
            patient,
            addresses,
            days: invitationDays,
          }),
      )
      for (const message of made ?? []) await parts.ask(message)
    },
    cancel: async by => {
      const { patient, study } = await findOwn(parts, by)
      await recordingInvitation(
        accounts.openStoreAs,
        { what: 'cancelled', ...eventOf(by, patient, study) },
        async connection => (await endInvitation(connection, by.subject, 'cancelled')) || undefined,
      )
    },
    show: async by => {
      const { patient, study } = await findOwn(parts, by)
      const shown = await recordingInvitation(
        accounts.openStoreAs,
        { what: 'shown', ...eventOf(by, patient, study) },
        connection => linkToShow(connection, by.subject),
      )
      return shown && invitationUrl(accounts, shown)
    },
  }
}

const invitationDays = 7

export const invitationUrl = ({ address }: Pick<Accounts, 'address'>, secret: string): string =>
  `${address()}/invitation?link=${secret}`

const eventOf = ({ person, study }: InvitedBy, patient: string, asked: ResearchStudy) => ({
  by: { kind: 'person', id: person } as const,
  patient,
  study,
  organization: organizationOf(asked),
})

const findSubjects = async (
  { accounts, registry, openStoreFor }: InvitationParts,
  person: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly ResearchSubject[]> => {
  const scope = 'user/ResearchSubject.rs'
  const caller = await callerOfPerson(accounts.database, { person, client: 'pages', scope })
  const asked = parseSearch(registry, 'ResearchSubject', new URLSearchParams(query))
  const { entries } = await openStoreFor(caller).search({ ...asked, where: and(asked.where, invitedBy(caller)) })
  return entries.map(({ content }) => JSON.parse(content))
}

/** Throws `not-found` for whom the person may not invite, as if there were nobody. */
const findOwn = async (
  parts: InvitationParts,
  { person, study, subject }: InvitedBy,
): Promise<{ readonly patient: string; readonly study: ResearchStudy }> => {
  const [found] = await findSubjects(parts, person, { _id: subject, study: `ResearchStudy/${study}` })
  const patient = /^Patient\/(.+)$/.exec(found?.individual.reference ?? '')?.[1]
  if (patient === undefined) throw new FhirError('not-found', 'There is no such person in the study')
  return { patient, study: JSON.parse((await ownStore(parts).read('ResearchStudy', study)).content) }
}

/** Who may invite may know that something is missing in a record which they may not read, and not what else stands there. */
const findInvitable = async (parts: InvitationParts, by: InvitedBy, way: Way) => {
  if (parts.channels.email === undefined && parts.channels.sms === undefined)
    throw new FhirError('business-rule', 'This server sends no e-mail: its operator sets SMTP_URL')
  const { patient, study } = await findOwn(parts, by)
  if (!study.extension?.some(({ url }) => url === extensions.patientText))
    throw new FhirError('business-rule', 'The study has no patient text yet, so there is nothing to sign')
  const record = (await mayWriteTo(parts, by, patient, study)) ? await readPatient(parts, patient) : undefined
  const addresses = record === undefined ? [] : addressesBy(parts, record, way)
  if (addresses.length === 0 || !/^\d{4}-\d\d-\d\d$/.test(record?.birthDate ?? ''))
    throw new FhirError(
      'business-rule',
      `The record of this patient lacks ${lacking[way]} or a full birth date: whoever has registered them completes it`,
    )
  const { database, secretKey } = parts.accounts
  for (const { address } of addresses)
    if (!(await mayTry(database, secretKey, letters, address)))
      throw new FhirError(
        'business-rule',
        'This patient was invited five times within an hour: wait before you do it again',
      )
  return { patient, study, addresses }
}

const lacking: Readonly<Record<Way, string>> = {
  any: 'an address that this server writes to',
  both: 'an address that this server writes to',
  email: 'an e-mail address',
  sms: 'a mobile number with its country code',
}

const waysOf = ({ email, sms }: Channels): readonly Way[] => {
  if (email !== undefined && sms !== undefined) return ['any', 'email', 'sms', 'both']
  return [...(email === undefined ? [] : ['email' as const]), ...(sms === undefined ? [] : ['sms' as const])]
}

const addressesBy = ({ channels }: InvitationParts, record: Patient, way: Way): readonly Address[] => {
  const reached = addressesOf(record).filter(({ channel }) => channels[channel] !== undefined)
  if (way === 'both') return reached
  return way === 'any' ? reached.slice(0, 1) : reached.filter(({ channel }) => channel === way)
}

/** Nobody is flooded with letters. */
const letters: Limit = { what: 'invitation', tries: 5, minutes: 60 }

/** An id alone gives no way to write to another tenant's patient, nor to learn whether there is one. */
const mayWriteTo = async (
  { accounts, openStoreFor }: InvitationParts,
  { person }: InvitedBy,
  patient: string,
  study: ResearchStudy,
): Promise<boolean> => {
  if (await isOfTenant(accounts.database, patient, organizationOf(study) ?? '')) return true
  const caller = await callerOfPerson(accounts.database, { person, client: 'pages', scope: 'user/Patient.r' })
  return (await unlessRefused(() => openStoreFor(caller).read('Patient', patient))) !== undefined
}

const organizationOf = ({ sponsor }: ResearchStudy): string | undefined =>
  /^Organization\/(.+)$/.exec(sponsor?.reference ?? '')?.[1]

const readPatient = async (parts: InvitationParts, id: string): Promise<Patient | undefined> => {
  const stored = await unlessRefused(() => ownStore(parts).read('Patient', id))
  return stored && JSON.parse(stored.content)
}

const ownStore = ({ accounts }: InvitationParts): Store =>
  accounts.openStoreAs({ principal: { kind: 'client', id: 'pages' } })
