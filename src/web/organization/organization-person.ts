import type { FastifyReply, FastifyRequest } from 'fastify'
import { privacyOfficer } from '../../access/vocabulary.ts'
import { parentOf } from '../../accounts/organization/organization-tree.ts'
import { changesDetails } from '../../accounts/staff/colleague-details.ts'
import { tellColleague } from '../../accounts/staff/colleague-news.ts'
import {
  type Colleague,
  changeRole,
  endRole,
  isLastManager,
  NoManagerLeft,
  readColleague,
  roleNames,
  roles,
} from '../../accounts/staff/colleagues.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import type { OfOrganization } from '../page/administered.ts'
import { radioField } from '../page/choice-field.ts'
import { box, notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { notFound } from '../page/not-found.ts'
import { isOvertaken, overtaken } from '../page/overtaken.ts'
import { organizationFor, type ShownOrganization } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { nameOfColleague, roleText } from './organization-people.ts'
import { peopleListQuery } from './people-list.ts'
import { roleChoices, roleSentences } from './staff-role.ts'

type OfRole = { readonly Params: OfOrganization['Params'] & { readonly role: string } }

/** Changes or ends somebody's role, for those who give roles in the organization. */
export const organizationPersonPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const page = '/organizations/:organization/people/:role'
  server.get<OfRole>(page, { onRequest }, async (request, reply) => {
    const shown = await colleagueOf(request, options)
    const { role = '', isPrivacyOfficer, version } = shown.colleague
    return sendRole(reply, shown, { role, isPrivacyOfficer, version, knows: false })
  })
  server.post<OfRole>(page, keepsTyped(options), async (request, reply) => {
    const shown = await colleagueOf(request, options)
    const { id, organizer, colleague } = shown
    const state = typedRole(request.body)
    const { isPrivacyOfficer, version } = state
    const role = roles.find(one => one === state.role)
    if (role === undefined && !isPrivacyOfficer)
      return sendRole(reply.code(422), shown, { ...state, problem: 'Choose a role, or make them a privacy officer' })
    if (isAsItWas(colleague, { role, isPrivacyOfficer }))
      return reply.redirect(`/organizations/${id}/people${peopleListQuery(request, { done: 'same' })}`, 303)
    const keeping = role === 'manager' ? undefined : keptIn(shown, state)
    try {
      await changeRole(organizer, { id: colleague.id, version, keeping }, { role, isPrivacyOfficer })
    } catch (error) {
      const { status, ...refused } = refusalOf(error)
      const again = refused.isOvertaken ? { version: colleague.version } : {}
      return sendRole(reply.code(status), shown, { ...state, ...refused, ...again })
    }
    await tellColleague(options.accounts, colleague.practitioner, { kind: 'role-changed', name: shown.name })
    return reply.redirect(`/organizations/${id}/people${peopleListQuery(request, { done: 'changed' })}`, 303)
  })
  server.get<OfRole>(`${page}/remove`, { onRequest }, async (request, reply) =>
    sendRemove(reply, await colleagueOf(request, options)),
  )
  server.post<OfRole>(`${page}/remove`, { onRequest }, async (request, reply) => {
    const shown = await colleagueOf(request, options)
    const state = typedRole(request.body)
    const keeping = keptIn(shown, state)
    try {
      await endRole(shown.organizer, { id: shown.colleague.id, version: state.version, keeping })
    } catch (error) {
      const { status, ...refused } = refusalOf(error)
      return sendRemove(reply.code(status), shown, refused)
    }
    // Whoever had no role any more, or none yet, loses nothing now.
    if (shown.colleague.standing === 'in-force')
      await tellColleague(options.accounts, shown.colleague.practitioner, { kind: 'role-ended', name: shown.name })
    return reply.redirect(`/organizations/${shown.id}/people${peopleListQuery(request, { done: 'removed' })}`, 303)
  })
}

const isAsItWas = (colleague: Colleague, chosen: Pick<Colleague, 'role' | 'isPrivacyOfficer'>): boolean =>
  chosen.role === colleague.role && chosen.isPrivacyOfficer === colleague.isPrivacyOfficer

/** The organization that must keep a manager, unless the person has said that they know. */
const keptIn = ({ managed }: ShownColleague, { knows }: RoleState): string | undefined => (knows ? undefined : managed)

type Refusal = Pick<RoleState, 'lastProblem' | 'isOvertaken'> & { readonly status: number }

/** What the page says about the error; any other error is thrown. */
const refusalOf = (error: unknown): Refusal => {
  if (error instanceof NoManagerLeft) return { status: error.status, lastProblem: knowsProblem }
  if (isOvertaken(error)) return { status: 409, isOvertaken: true }
  throw error
}

type ShownColleague = ShownOrganization & {
  readonly colleague: Colleague
  /** Id of the root that they are a manager of. */
  readonly managed: string | undefined
  /** Whether they are the only manager of a root: nobody is above it to give roles there, but administrators. */
  readonly isLast: boolean
  /** Whether their name and contacts are theirs to change. */
  readonly changesDetails: boolean
}

/** Throws `not-found` if there is no such role, or it is the person's own. */
const colleagueOf = async (request: FastifyRequest<OfRole>, options: PageOptions): Promise<ShownColleague> => {
  const shown = await organizationFor('isManaged', request, options)
  const { organizer, organization, id } = shown
  const colleague = await readColleague(organizer, id, request.params.role)
  const { caller } = organizer
  if (!caller.administrator && colleague.practitioner === caller.practitioner) return notFound()
  const isManager = colleague.role === 'manager' && colleague.standing === 'in-force'
  const managed = isManager && parentOf(organization) === undefined ? id : undefined
  const isLast = managed !== undefined && (await isLastManager(organizer, managed, colleague))
  const changes = await changesDetails(organizer, colleague.practitioner)
  return { ...shown, colleague, managed, isLast, changesDetails: changes }
}

type RoleState = {
  readonly role: string
  readonly isPrivacyOfficer: boolean
  readonly version: string
  /** Whether they have said that they know what goes with the last manager. */
  readonly knows: boolean
  readonly problem?: string
  readonly lastProblem?: string
  readonly isOvertaken?: boolean
}

const typedRole = (body: unknown): RoleState => ({
  role: typed(body, 'role'),
  isPrivacyOfficer: typed(body, 'privacy-officer') === 'yes',
  version: typed(body, 'version'),
  knows: typed(body, 'knows') === 'yes',
})

const knowsProblem = 'Confirm that it will have no manager, or make somebody else a manager first'

const sendRole = (reply: FastifyReply, shown: ShownColleague, state: RoleState): FastifyReply => {
  const { id, name, colleague } = shown
  const person = nameOfColleague(colleague)
  const page = `/organizations/${id}/people/${colleague.id}`
  const list = peopleListQuery(reply.request)
  return sendStaffPage(reply, {
    title: `${person} in ${name}`,
    isProblem: state.problem !== undefined || state.lastProblem !== undefined || state.isOvertaken === true,
    content: html`<h1>${person} in ${name}</h1>
<p>${roleText(colleague)}${colleague.contacts.length > 0 && `, ${colleague.contacts.join(', ')}`}</p>
${state.isOvertaken && notice('problem', overtaken)}
${problemList([
  { name: 'role', problem: state.problem },
  { name: 'knows', problem: state.lastProblem },
])}
${postForm(
  { action: `${page}${list}`, token: ownToken(reply), hidden: { version: state.version }, novalidate: true },
  html`${radioField({
    name: 'role',
    label: 'Role',
    value: state.role,
    problem: state.problem,
    choices: [...roleChoices, { value: '', label: 'None of these' }],
  })}
${box({
  type: 'checkbox',
  name: 'privacy-officer',
  value: 'yes',
  label: roleNames[privacyOfficer],
  hint: roleSentences[privacyOfficer],
  isChosen: state.isPrivacyOfficer,
})}
${lastManager(shown, state.lastProblem)}
<button class="btn btn-primary mt-3">Save</button>`,
)}
<p><a href="${page}/details${list}">${shown.changesDetails ? 'Change the name' : 'Name'} and contacts of ${person}</a></p>
<p><a href="${page}/remove${list}">Remove ${person} from ${name}</a></p>
<p><a href="/organizations/${id}/people${list}">Back to the people</a></p>`,
  })
}

const lastManager = ({ isLast, name }: ShownColleague, problem: string | undefined): Html | undefined =>
  isLast || problem !== undefined
    ? html`<div class="alert alert-warning mt-3">
<p>This is the last manager of ${name}, and no organization is above it: without a manager, only an administrator of the installation can give roles in it.</p>
${box({ type: 'checkbox', name: 'knows', id: 'knows', value: 'yes', label: 'I understand that it will have no manager', problem })}
</div>`
    : undefined

/** What removing does to the role. */
const endings: Readonly<Record<Colleague['standing'], string>> = {
  'in-force': 'it ends at once, and the access it gives ends with it.',
  over: 'it has already ended and gives no access. It will no longer be listed.',
  'to-come': 'it has not begun, and never will.',
}

const sendRemove = (
  reply: FastifyReply,
  shown: ShownColleague,
  { lastProblem, isOvertaken }: Pick<RoleState, 'lastProblem' | 'isOvertaken'> = {},
): FastifyReply => {
  const { id, name, colleague } = shown
  const person = nameOfColleague(colleague)
  const page = `/organizations/${id}/people/${colleague.id}`
  const list = peopleListQuery(reply.request)
  return sendStaffPage(reply, {
    title: `Remove ${person} from ${name}`,
    isProblem: lastProblem !== undefined || isOvertaken === true,
    content: html`<h1>Remove ${person} from ${name}</h1>
${isOvertaken && notice('problem', html`<p>Somebody else has changed this role since you opened this page. Look at it again before you decide.</p>`)}
${problemList([{ name: 'knows', problem: lastProblem }])}
<p>${roleText(colleague)}: ${endings[colleague.standing]} Their account stays, and so do their other roles, the studies that name them, and the record of what they did.</p>
${postForm(
  { action: `${page}/remove${list}`, token: ownToken(reply), hidden: { version: colleague.version }, novalidate: true },
  html`${lastManager(shown, lastProblem)}
<button class="btn btn-primary">Remove</button>`,
)}
<p><a href="${page}${list}">Leave it as it is</a></p>`,
  })
}
