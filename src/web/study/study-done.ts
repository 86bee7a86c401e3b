import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { InvitationState } from '../../storage/study/invitation-state.ts'
import type { Invited } from '../../studies/invitation/invitations.ts'
import { type EnrolledPerson, findOneEnrolled } from '../../studies/people/enrolled-people.ts'
import type { PageOptions } from '../page/add-page.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { sessionOf } from '../page/signed-in.ts'
import { openedFrom } from './back-to-study.ts'
import { nextPaper } from './next-paper.ts'
import type { ReadStudy } from './read-study.ts'
import { whomFact } from './study-person.ts'

type Done = {
  readonly text: string
  /**
   * Whether it can have been done, judging by their present state, if the reader may know that: a link must not claim anything that is not, or
   * no longer, so.
   */
  readonly canBe: (whom: EnrolledPerson, invitation: InvitationState | undefined) => boolean
}

const done: Readonly<
  Record<'registered' | 'invited' | 'cancelled' | 'withdrawn' | 'confirmed' | 'discarded' | 'ended', Done>
> = {
  registered: {
    text: 'The patient is registered, and in the study. They are asked once they are invited.',
    canBe: ({ state = 'none' }) => state === 'none',
  },
  invited: {
    text: 'The patient is invited. Whether the message was sent stands beside their name.',
    canBe: (_whom, invitation) => invitation?.isOpen === true,
  },
  cancelled: {
    text: 'The invitation is cancelled: its link no longer works.',
    canBe: (_whom, invitation) => invitation?.endedBy === 'cancelled',
  },
  withdrawn: {
    text: 'The patient is withdrawn: they share nothing with this study from now on. Your reason is kept with the consent.',
    canBe: ({ state = 'withdrawn' }) => state === 'withdrawn' || state === 'ended',
  },
  confirmed: {
    text: 'What the patient signed on paper is confirmed, and takes effect now.',
    canBe: ({ state = 'all', isOnPaper }) => !isOnPaper && ['all', 'partly', 'nothing'].includes(state),
  },
  discarded: {
    text: 'What was recorded from paper is discarded, and has no effect.',
    canBe: ({ isOnPaper }) => !isOnPaper,
  },
  ended: {
    text: 'Their place in the study has ended: nobody invites or reminds them any more, and nobody reads their data for the study.',
    canBe: ({ hasEnded }) => hasEnded,
  },
}

/** From where it was done: the list of the study's people, or the page of one of them. That page says what was done, and for whom. */
export const doneUrl = (request: FastifyRequest, study: string, subject: string, what: keyof typeof done): string =>
  openedFrom(request, study, subject, { done: what, subject })

/** What was done for somebody by the form that led here, if that can be so. */
export const doneText = (
  query: URLSearchParams,
  whom: EnrolledPerson,
  invitation: InvitationState | undefined,
): string | undefined => {
  const asked = doneIn(query)
  return asked?.canBe(whom, invitation) ? asked.text : undefined
}

const doneIn = (query: URLSearchParams): Done | undefined => new Map(Object.entries(done)).get(query.get('done') ?? '')

/** What was done by the form that led here, and for whom; nothing if the reader sees nobody like this in the study. */
export const doneNotice = async (
  request: FastifyRequest,
  options: PageOptions,
  read: ReadStudy,
  actionsFor: (whom: EnrolledPerson, invitable: ReadonlyMap<string, Invited>) => Html | undefined,
): Promise<Html | undefined> => {
  const { caller, study } = read
  const query = queryOf(request)
  const asked = doneIn(query)
  const subject = /^[A-Za-z0-9.-]{1,64}$/.exec(query.get('subject') ?? '')?.[0]
  if (asked === undefined || subject === undefined) return undefined
  const whom = await findOneEnrolled(options, caller, study, subject)
  const invited = await options.invitations.list(sessionOf(request).person, [subject])
  if (whom === undefined || !asked.canBe(whom, invited.get(subject)?.invitation)) return undefined
  return notice(
    'done',
    html`<p>${asked.text}</p><dl class="mb-0">${whomFact(whom)}</dl>${asked === done.registered && html`<div class="actions mt-2">${actionsFor(whom, invited)}</div>`}
${(asked === done.confirmed || asked === done.discarded) && (await nextPaper(request, options, read))}`,
  )
}
