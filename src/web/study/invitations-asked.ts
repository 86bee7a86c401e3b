import type { ReachedFilter } from '../../studies/people/study-actions.ts'
import { choiceProblem } from '../page/choice-field.ts'
import { typed } from '../page/typed.ts'
import { type PeopleAsked, peopleInOrder, peopleStates } from './people-asked.ts'
import type { ReadStudy } from './read-study.ts'

/** Which people of a study the page of its invitations shows. */
export type InvitationsAsked = PeopleAsked & {
  readonly invited: ReachedFilter | undefined
  /** Said at the fields if the address asks for what there is not. Then nobody is listed: everybody would be taken, and invited, for those who were asked for. */
  readonly problems: Readonly<Record<'invited' | 'state', string | undefined>>
}

/** Somebody who may not know the answers cannot filter by them. */
export const invitationsAskedIn = (query: URLSearchParams, { seesAnswers }: ReadStudy): InvitationsAsked => {
  const people = peopleInOrder(query, invitationOrders)
  const invited = query.get('invited') ?? ''
  const state = seesAnswers ? (query.get('state') ?? '') : ''
  return {
    ...people,
    state: seesAnswers ? people.state : undefined,
    invited: Object.hasOwn(standings, invited) ? (invited as ReachedFilter) : undefined,
    problems: { invited: choiceProblem(invited, invitedChoices), state: choiceProblem(state, stateChoices) },
  }
}

const invitationOrders = {
  name: 'Name or code',
  invited: 'Last invited first',
  expiry: 'Ending soonest first',
  enrolment: 'Last enrolled first',
} as const

const standings: Readonly<Record<ReachedFilter, string>> = {
  'not-invited': 'Never invited',
  open: 'Open',
  used: 'The patient has used it',
  over: 'No longer works',
  failed: 'The last message failed',
  unreached: 'Cannot be reached',
}

const withAll = (labels: Readonly<Record<string, string>>) => [
  { value: '', label: 'Everybody' },
  ...Object.entries(labels).map(([value, label]) => ({ value, label })),
]

export const invitedChoices = withAll(standings)
export const stateChoices = withAll(peopleStates)

/** The parameters by which people are listed, and of the page of the list. */
const askedBy = ['state', 'invited', 'find', 'sort', 'page'] as const

/** What the page asked for on which a form was sent. */
export const askedAgain = (body: unknown): URLSearchParams =>
  new URLSearchParams(askedBy.map(name => [name, typed(body, name)]).filter(([, value]) => value !== ''))
