import type { FastifyReply } from 'fastify'
import { invisibleTold } from '../../accounts/contact/invisible.ts'
import type { InvitationProblems, SaidInvitation } from '../../accounts/staff/staff-invitations.ts'
import type { AddPage } from '../page/add-page.ts'
import type { OfOrganization } from '../page/administered.ts'
import { radioField } from '../page/choice-field.ts'
import { closedMeanwhile } from '../page/closed-meanwhile.ts'
import { field, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { idByForm } from '../page/id-by-form.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { notFound } from '../page/not-found.ts'
import { isClosed, openFor, organizationFor, type ShownOrganization } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { allRoleChoices } from './staff-role.ts'

type OfInvitation = {
  readonly Params: OfOrganization['Params'] & { readonly invitation: string }
}

/** Invites people into an organization, sends invitations again, and cancels them, for those who give roles there. */
export const staffInvitationPage: AddPage = (server, options) => {
  const { staffInvitations } = options
  const onRequest = requireSession
  const page = '/organizations/:organization/people/invite'
  server.get<OfOrganization>(page, { onRequest }, async (request, reply) =>
    sendInvite(reply, openFor(await organizationFor('isManaged', request, options)), { email: '', role: '' }, {}),
  )
  server.post<OfOrganization>(page, keepsTyped(options), async (request, reply) => {
    const shown = await organizationFor('isManaged', request, options)
    const said = { email: typed(request.body, 'email'), role: typed(request.body, 'role') }
    if (isClosed(shown)) return sendInvite(reply.code(409), shown, said, {})
    const problems = await staffInvitations.invite(byOf(shown), { id: idByForm(request), ...said })
    if (Object.keys(problems).length > 0) return sendInvite(reply.code(422), shown, said, problems)
    return reply.redirect(`/organizations/${shown.id}/people?done=invited`, 303)
  })
  const one = '/organizations/:organization/invitations/:invitation'
  server.post<OfInvitation>(`${one}/again`, { onRequest }, async (request, reply) => {
    const shown = await organizationFor('isManaged', request, options)
    if (isClosed(shown))
      return sendNotSent(reply.code(409), shown, `${shown.name} has been closed: nobody can join it.`)
    const until = new Date(typed(request.body, 'until'))
    if (Number.isNaN(until.getTime())) return notFound()
    const answer = await staffInvitations.sendAgain(byOf(shown), { id: request.params.invitation, until })
    if (answer === 'unknown') return notFound()
    if (answer === 'sent') return reply.redirect(`/organizations/${shown.id}/people?done=again`, 303)
    return sendNotSent(reply.code(429), shown, ofOthers['too-often'])
  })
  server.post<OfInvitation>(`${one}/cancel`, { onRequest }, async (request, reply) => {
    const shown = await organizationFor('isManaged', request, options)
    if (!(await staffInvitations.cancel(byOf(shown), request.params.invitation))) return notFound()
    return reply.redirect(`/organizations/${shown.id}/people?done=cancelled`, 303)
  })
}

const byOf = ({ organizer, id }: ShownOrganization) => ({ person: organizer.person, organization: id })

const sendNotSent = (reply: FastifyReply, { id }: ShownOrganization, why: string): FastifyReply =>
  sendStaffPage(reply, {
    title: 'This was not done',
    isProblem: true,
    content: html`<h1>This was not done</h1>
<p>${why}</p>
<p><a href="/organizations/${id}/people">Back to the people</a></p>`,
  })

const sendInvite = (
  reply: FastifyReply,
  organization: ShownOrganization,
  said: SaidInvitation,
  problems: InvitationProblems,
): FastifyReply => {
  const { id, name } = organization
  const shown = {
    email: problems.email && ofOthers[problems.email],
    role: problems.role && 'Choose a role',
  }
  return sendStaffPage(reply, {
    title: `Invite somebody to ${name}`,
    isProblem: Object.keys(problems).length > 0 || isClosed(organization),
    content: html`<h1>Invite somebody to ${name}</h1>
<p>They get an e-mail with a link that works once, within seven days. If they have no account with that address yet, they create one with the link.</p>
${isClosed(organization) && closedMeanwhile(name, 'nobody is invited into it')}
${problemList([
  { name: 'email', problem: shown.email },
  { name: 'role', problem: shown.role },
])}
${postForm(
  { action: `/organizations/${id}/people/invite`, token: ownToken(reply), novalidate: true },
  html`${field({ name: 'email', label: 'E-mail address', type: 'email', value: said.email, problem: shown.email, autocomplete: 'off' })}
${radioField({ name: 'role', label: 'Role', value: said.role, problem: shown.role, choices: allRoleChoices })}
<p class="text-body-secondary">Somebody who is to have a role and be a privacy officer as well is invited with the role, and made one in the list of people once they have joined.</p>
<button class="btn btn-primary">Invite</button>`,
)}
<p><a href="/organizations/${id}/people">Back to the people</a></p>`,
  })
}

/** What may be wrong with somebody else’s address. */
const ofOthers: Readonly<Record<NonNullable<InvitationProblems['email']>, string>> = {
  missing: 'Enter an e-mail address',
  'no-address': 'Enter an e-mail address like name@example.org',
  invisible: invisibleTold,
  own: 'This is your own address: nobody can give themselves a role',
  belongs: 'The person with this address already has a role here: change it in the list of people',
  'too-often': 'This address was written to five times within an hour. Wait before you do it again.',
  'no-mail': 'This server sends no e-mail: its operator sets SMTP_URL',
}
