import type { AuditEvent } from '@medplum/fhirtypes'
import { accountOf, nameOfPerson, type OpenStoreAs } from '../../accounts/person.ts'
import { securityAlert, subtypes } from '../../accounts/security-alert.ts'
import type { Principal } from '../../search/expression.ts'
import type { Connection } from '../../storage/database.ts'
import type { Store } from '../../storage/store.ts'
import { studyTitle } from '../../storage/study/study-title.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'

/** Something that happened to an invitation, or to an answer on paper. The patient and the privacy officers of the study's organization can read of it. */
export type InvitationEvent = {
  readonly what: 'made' | 'cancelled' | 'shown' | 'used' | 'wrong-tries' | 'reminded' | 'paper-confirmed'
  /** Who did it; undefined if they have not shown who they are. */
  readonly by: Principal | undefined
  readonly patient: string
  readonly study: string
  /** The organization of the study. */
  readonly organization: string | undefined
}

/** Runs something and records the event, both or neither. If `run` answers undefined, nothing happened, and nothing is recorded. */
export const recordingInvitation = async <T>(
  openStoreAs: OpenStoreAs,
  event: InvitationEvent,
  run: (connection: Connection, store: Store) => Promise<T | undefined>,
): Promise<T | undefined> => {
  const { by, organization } = event
  const name = by?.kind === 'person' ? await nameOfPerson(openStoreAs, by.id) : ''
  return openStoreAs({
    principal: by ?? { kind: 'client', id: 'pages' },
    organizations: organization === undefined ? [] : [organization],
  }).atomic(async (store, connection) => {
    const answer = await run(connection, store)
    if (answer === undefined) return undefined
    const title = await studyTitle(connection, event.study)
    await writeOrThrow(store, { kind: 'create', resource: toAuditEvent(event, { name, title }) })
    return answer
  })
}

type Names = { readonly name: string; readonly title: string | undefined }

/** The study bears the title that it had then, as in whatever else is recorded. */
const toAuditEvent = ({ what, by, patient, study }: InvitationEvent, { name, title }: Names): AuditEvent => ({
  ...securityAlert({
    subtype: [subtypes.userSecurity],
    action: actions[what],
    outcome: what === 'wrong-tries' ? '4' : '0',
    told: told[what],
  }),
  agent: [by === undefined ? { name: whoeverHadTheLink, requestor: true } : agentOf(by, name)],
  source: { observer: { display: 'Pages of this server' } },
  entity: [
    { what: { reference: `Patient/${patient}` } },
    { what: { reference: `ResearchStudy/${study}` }, ...(title !== undefined && { name: title }) },
  ],
})

/** Somebody who has not shown who they are. */
export const whoeverHadTheLink = 'Whoever had the link'

const agentOf = ({ kind, id }: Principal, name: string): AuditEvent['agent'][number] => ({
  who: kind === 'person' ? accountOf(id) : { identifier: { value: id } },
  ...(name === '' ? {} : { name }),
  requestor: true,
})

const actions = {
  made: 'C',
  cancelled: 'D',
  shown: 'R',
  used: 'U',
  'wrong-tries': 'D',
  reminded: 'E',
  'paper-confirmed': 'U',
} as const

const told: Readonly<Record<InvitationEvent['what'], string>> = {
  made: 'The patient was invited to a study',
  cancelled: 'An invitation to a study was cancelled',
  shown: 'The link of an invitation to a study was shown by staff',
  used: 'The patient came by an invitation, and has an account by it',
  'wrong-tries': 'An invitation to a study ended after too many wrong tries',
  reminded: 'The patient was reminded of a study',
  'paper-confirmed': 'A consent of the patient on paper was confirmed by staff',
}

/** Which of these events an AuditEvent is; undefined if none. */
export const happenedIn = ({ outcomeDesc }: AuditEvent): InvitationEvent['what'] | undefined =>
  (Object.keys(told) as InvitationEvent['what'][]).find(what => told[what] === outcomeDesc)
