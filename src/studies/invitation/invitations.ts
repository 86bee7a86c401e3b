import type { ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import { invitedBy } from '../../access/questions.ts'
import type { Accounts } from '../../accounts/accounts.ts'
import { ownStore } from '../../accounts/person.ts'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Limit } from '../../storage/account/attempt.ts'
import { mayWriteTo } from '../../storage/account/letter-limit.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import {
  endInvitation,
  type InvitationState,
  invitationsOf,
  linkToShow,
  makeInvitation,
} from '../../storage/study/invitation.ts'
import { addReminder, type MessageState, messagesOf } from '../../storage/study/study-message.ts'
import { sponsorOf } from '../definition/study-sponsor.ts'
import { reasonNotToAsk } from '../definition/study-status.ts'
import type { EnrolledPerson } from '../people/enrolled-people.ts'
import { addressesFor, type ReachParts, type Way, waysOf } from './addresses-for.ts'
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
  /**
   * Of the invitation that is open, of the answer that is missing, or of the data that does not come, as the person is known to
   * stand. Throws FhirError that says why there is nothing to be reminded of.
   */
  readonly remind: (by: InvitedBy, standing: Standing, way?: Way) => Promise<void>
  /** The link, to be shown as a picture; undefined where there is no open invitation. */
  readonly show: (by: InvitedBy) => Promise<string | undefined>
}

type InvitedBy = { readonly person: string; readonly study: string; readonly subject: string }

/** What whoever reminds may know of somebody's answer and data. */
export type Standing = Pick<EnrolledPerson, 'state' | 'isSilent'>

/** `messages`: those about it, the latest first. */
export type Invited = { readonly invitation: InvitationState | undefined; readonly messages: readonly MessageState[] }

export type InvitationParts = ReachParts & {
  readonly accounts: Accounts
  readonly registry: Registry
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
    remind: async (by, standing, way = 'any') => {
      const { patient, study } = await findOwn(parts, by)
      const addresses = await addressesFor(parts, { ...by, patient, study }, way)
      const [last] = await invitationsOf(accounts.database, [by.subject])
      const due = dueOf(standing, last)
      if (due.kind === 'reminder') requireAsking(study)
      const about = { ...due, patient, subject: by.subject, study: by.study }
      const made = await recordingInvitation(
        accounts.openStoreAs,
        { what: 'reminded', ...eventOf(by, patient, study) },
        connection => addReminder(connection, about, { addresses, days: daysBetweenReminders }),
      )
      if (made === undefined)
        throw new FhirError('business-rule', `They were reminded within the last ${daysBetweenReminders} days`)
      for (const message of made) await parts.ask(message)
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

const daysBetweenReminders = 3

/** Throws where there is nothing to be reminded of. */
const dueOf = (
  { state, isSilent }: Standing,
  last: InvitationState | undefined,
): { readonly kind: 'reminder' | 'silence'; readonly invitation?: string } => {
  if (isSilent) return { kind: 'silence' }
  const mayWait = state === 'none' || state === undefined
  if (mayWait && last?.isOpen) return { kind: 'reminder', invitation: last.id }
  if (state === 'none' && last?.endedBy === 'used') return { kind: 'reminder' }
  throw new FhirError(
    'business-rule',
    mayWait
      ? 'They have no open invitation: invite them'
      : 'They have answered, and there is nothing to remind them of',
  )
}

export const invitationUrl = ({ address }: Pick<Accounts, 'address'>, secret: string): string =>
  `${address()}/invitation?link=${secret}`

const eventOf = ({ person, study }: InvitedBy, patient: string, asked: ResearchStudy) => ({
  by: { kind: 'person', id: person } as const,
  patient,
  study,
  organization: sponsorOf(asked),
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
  const patient = namedId(found?.individual, 'Patient')
  if (patient === undefined) throw new FhirError('not-found', 'There is no such person in the study')
  return {
    patient,
    study: JSON.parse((await ownStore(parts.accounts.openStoreAs).read('ResearchStudy', study)).content),
  }
}

/** Whoever can be invited, to a text that they can sign. */
const findInvitable = async (parts: InvitationParts, by: InvitedBy, way: Way) => {
  const { patient, study } = await findOwn(parts, by)
  requireAsking(study)
  const addresses = await addressesFor(parts, { ...by, patient, study }, way)
  if (!study.extension?.some(({ url }) => url === extensions.patientText))
    throw new FhirError('business-rule', 'The study has no patient text yet, so there is nothing to sign')
  const { database, secretKey } = parts.accounts
  const organization = sponsorOf(study) ?? ''
  for (const { address } of addresses)
    if (!(await mayWriteTo(database, secretKey, letters, { organization, address })))
      throw new FhirError(
        'business-rule',
        'This address was written to five times within an hour: wait before you do it again',
      )
  return { patient, study, addresses }
}

/** Whoever came would find nothing to sign, or come in where nobody is to. */
const requireAsking = (study: ResearchStudy): void => {
  const why = reasonNotToAsk(study)
  if (why !== undefined) throw new FhirError('business-rule', why)
}

/** Nobody is flooded with letters. */
const letters: Limit = { what: 'invitation', tries: 5, minutes: 60 }
