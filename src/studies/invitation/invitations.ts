import type { ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import { invitedBy } from '../../access/questions.ts'
import type { Accounts } from '../../accounts/accounts.ts'
import { ownStore } from '../../accounts/person.ts'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'
import { escaped } from '../../search/escape.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { holdAddresses } from '../../storage/study/held-addresses.ts'
import {
  cancelInvitation,
  isInvitedSince,
  type LinkToShow,
  linkToShow,
  makeInvitation,
} from '../../storage/study/invitation.ts'
import { type InvitationState, invitationsOf } from '../../storage/study/invitation-state.ts'
import { type MessageState, messagesOf } from '../../storage/study/message-state.ts'
import { addReminder, daysBetweenReminders } from '../../storage/study/study-message.ts'
import { sponsorOf } from '../definition/study-sponsor.ts'
import { reasonNotToAsk } from '../definition/study-status.ts'
import { placeStandingOf } from '../people/place-standing.ts'
import { addressesFor, type ReachParts, type Way, waysOf } from './addresses-for.ts'
import { countLetters } from './few-letters.ts'
import { recordingInvitation } from './invitation-event.ts'
import { dueOf, type Standing } from './reminder-due.ts'
import { findAstray, findUnreached } from './unreached.ts'

/** What staff do with invitations, if the rules let them enrol people into the study. */
export type Invitations = {
  /** For those of the ResearchSubjects whom the person may invite: what became of their last invitation, if there was one. */
  readonly list: (person: string, subjects: readonly string[]) => Promise<ReadonlyMap<string, Invited>>
  /** The ways by which this server writes to patients. */
  readonly ways: readonly Way[]
  /**
   * A new invitation replaces the one before. If another was made since `after` was the latest, or `none` was there, nothing is done: it was asked
   * for twice. Throws FhirError that says what is missing.
   */
  readonly invite: (by: InvitedBy & { readonly after?: string | undefined }, way?: Way) => Promise<void>
  readonly cancel: (by: InvitedBy) => Promise<void>
  /**
   * Reminds of the open invitation, of the missing answer, or of the data that does not come, depending on `standing`. Throws FhirError that
   * says why there is nothing to be reminded of.
   */
  readonly remind: (by: InvitedBy, standing: Standing, way?: Way) => Promise<void>
  /** The link, to be shown as a picture; undefined if there is no open invitation. Throws FhirError if the study asks nobody now. */
  readonly show: (by: InvitedBy) => Promise<ShownInvitation | undefined>
}

export type ShownInvitation = Omit<LinkToShow, 'secret'> & { readonly link: string; readonly study: ResearchStudy }

type InvitedBy = {
  readonly person: string
  readonly study: string
  readonly subject: string
  /** Whether many people are written to at once: whoever sends finds these messages together, and they wait for others. */
  readonly isToMany?: boolean
}

/** `messages`: those about the person, the latest first. `lacked`: what keeps their record from being written to; undefined if messages reach them. `isAstray`: an open invitation went to numbers alone that cannot be any. */
export type Invited = {
  readonly invitation: InvitationState | undefined
  readonly messages: readonly MessageState[]
  readonly lacked: string | undefined
  readonly isAstray: boolean
}

export type InvitationParts = ReachParts & {
  readonly accounts: Accounts
  readonly registry: Registry
  /** For how many days an invitation can be used. */
  readonly days: number
  /** Has the message sent in the background. */
  readonly ask: (message: string) => Promise<unknown>
}

export const openInvitations = (parts: InvitationParts): Invitations => ({
  list: (person, subjects) => listInvited(parts, person, subjects),
  ways: waysOf(parts.channels),
  invite: (by, way = 'any') => invite(parts, by, way),
  cancel: by => cancel(parts, by),
  remind: (by, standing, way = 'any') => remind(parts, by, standing, way),
  show: by => show(parts, by),
})

const listInvited = async (
  parts: InvitationParts,
  person: string,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, Invited>> => {
  if (subjects.length === 0) return new Map()
  const { database } = parts.accounts
  const own = await findSubjects(parts, person, subjects, { _count: String(subjects.length) })
  const ids = own.flatMap(({ id }) => id ?? [])
  const states = await invitationsOf(database, ids)
  const messages = Map.groupBy(await messagesOf(database, ids), ({ subject }) => subject)
  const patients = own.flatMap(({ individual }) => namedId(individual, 'Patient') ?? [])
  const unreached = await findUnreached(parts, { subjects: ids, patients })
  const astray = await findAstray(database, ids)
  const invited = (id: string): Invited => ({
    invitation: states.find(({ subject }) => subject === id),
    messages: messages.get(id) ?? [],
    lacked: unreached.get(id),
    isAstray: astray.has(id),
  })
  return new Map(ids.map(id => [id, invited(id)]))
}

const invite = async (parts: InvitationParts, by: Parameters<Invitations['invite']>[0], way: Way): Promise<void> => {
  const { patient, study, addresses } = await findInvitable(parts, by, way)
  const asked = {
    subject: by.subject,
    study: by.study,
    patient,
    addresses,
    days: parts.days,
    after: by.after,
    isToMany: by.isToMany,
  }
  if (await isInvitedSince(parts.accounts.database, asked)) return
  const event = { what: 'made', ...eventOf(by, patient, study) } as const
  const letters = { organization: sponsorOf(study) ?? '', addresses }
  const made = await recordingInvitation(parts.accounts.openStoreAs, event, async connection => {
    await holdAddresses(connection, patient, addresses)
    const messages = await makeInvitation(connection, asked)
    if (messages !== undefined) await countLetters(connection, parts.accounts.secretKey, letters)
    return messages
  })
  if (!by.isToMany) for (const message of made ?? []) await parts.ask(message)
}

const cancel = async (parts: InvitationParts, by: InvitedBy): Promise<void> => {
  const { patient, study } = await findOwn(parts, by)
  const event = { what: 'cancelled', ...eventOf(by, patient, study) } as const
  await recordingInvitation(
    parts.accounts.openStoreAs,
    event,
    async connection => (await cancelInvitation(connection, by.subject)) || undefined,
  )
}

const remind = async (parts: InvitationParts, by: InvitedBy, standing: Standing, way: Way): Promise<void> => {
  const { database, openStoreAs } = parts.accounts
  const { patient, study, place } = await findOwn(parts, by)
  requirePlace(place)
  const addresses = await addressesFor(parts, { ...by, patient, study }, way)
  const [last] = await invitationsOf(database, [by.subject])
  const due = dueOf(standing, last)
  if (due.kind !== 'silence') requireAsking(study)
  const about = { ...due, patient, subject: by.subject, study: by.study, isToMany: by.isToMany }
  const event = { what: 'reminded', ...eventOf(by, patient, study) } as const
  const made = await recordingInvitation(openStoreAs, event, async connection => {
    await holdAddresses(connection, patient, addresses)
    return addReminder(connection, about, addresses)
  })
  if (made === undefined)
    throw new FhirError('business-rule', `They were reminded within the last ${daysBetweenReminders} days`)
  if (!by.isToMany) for (const message of made) await parts.ask(message)
}

const show = async (parts: InvitationParts, by: InvitedBy): Promise<ShownInvitation | undefined> => {
  const { patient, study } = await findOwn(parts, by)
  requireAsking(study)
  const event = { what: 'shown', ...eventOf(by, patient, study) } as const
  const shown = await recordingInvitation(parts.accounts.openStoreAs, event, connection =>
    linkToShow(connection, by.subject),
  )
  if (shown === undefined) return undefined
  const { secret, ...known } = shown
  return { ...known, link: invitationUrl(parts.accounts, secret), study }
}

export const invitationUrl = ({ address }: Pick<Accounts, 'address'>, secret: string): string =>
  `${address()}/invitation?link=${secret}`

const eventOf = ({ person, study }: InvitedBy, patient: string, asked: ResearchStudy) => ({
  by: { kind: 'person', id: person } as const,
  patient,
  study,
  organization: sponsorOf(asked),
})

/** The ids come from outside, and a comma in one of them must not make it several. */
const findSubjects = async (
  { accounts, registry, openStoreFor }: InvitationParts,
  person: string,
  ids: readonly string[],
  query: Readonly<Record<string, string>>,
): Promise<readonly ResearchSubject[]> => {
  const scope = 'user/ResearchSubject.rs'
  const caller = await callerOfPerson(accounts.database, { person, client: 'pages', scope })
  const byId = new URLSearchParams({ _id: ids.map(escaped).join(','), ...query })
  const asked = parseSearch(registry, 'ResearchSubject', byId)
  const { entries } = await openStoreFor(caller).search({ ...asked, where: and(asked.where, invitedBy(caller)) })
  return entries.map(({ content }) => JSON.parse(content))
}

/** Throws `not-found` for somebody whom the person may not invite, as if there were nobody. */
const findOwn = async (
  parts: InvitationParts,
  { person, study, subject }: InvitedBy,
): Promise<{ readonly patient: string; readonly study: ResearchStudy; readonly place: ResearchSubject }> => {
  const [place] = await findSubjects(parts, person, [subject], {})
  const patient = namedId(place?.individual, 'Patient')
  if (place === undefined || patient === undefined || namedId(place.study, 'ResearchStudy') !== study)
    throw new FhirError('not-found', 'There is no such person in the study')
  return {
    patient,
    study: JSON.parse((await ownStore(parts.accounts.openStoreAs).read('ResearchStudy', study)).content),
    place,
  }
}

/** Requires that they can be written to, and that there is a text for them to sign. */
const findInvitable = async (parts: InvitationParts, by: InvitedBy, way: Way) => {
  const { patient, study, place } = await findOwn(parts, by)
  requireAsking(study)
  requirePlace(place)
  const addresses = await addressesFor(parts, { ...by, patient, study }, way)
  if (!study.extension?.some(({ url }) => url === extensions.patientText))
    throw new FhirError('business-rule', 'The study has no patient text yet, so there is nothing to sign')
  return { patient, study, addresses }
}

/** Otherwise they would find nothing to sign, or no whole text, or come into a study that takes nobody new. */
const requireAsking = (study: ResearchStudy): void => {
  const why = reasonNotToAsk(study)
  if (why !== undefined) throw new FhirError('business-rule', why)
}

/** Whoever has no place now finds nothing by a link, and no message to them is sent. */
const requirePlace = (place: ResearchSubject): void => {
  const standing = placeStandingOf(place)
  if (standing === 'over') throw new FhirError('business-rule', 'Their place in the study has ended')
  if (standing === 'to-come')
    throw new FhirError('business-rule', `Their place in the study has not begun: it begins at ${place.period?.start}`)
}
