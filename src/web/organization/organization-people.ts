import { privacyOfficer } from '../../access/vocabulary.ts'
import { type ColleagueOrder, type ColleaguePage, findColleagues } from '../../accounts/staff/colleague-page.ts'
import { type Colleague, organizationRoles, roleNames } from '../../accounts/staff/colleagues.ts'
import { mostListed } from '../../accounts/staff/staff-invitations.ts'
import { nameText } from '../../fhir/display-name.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import type { PendingInvitation } from '../../storage/organization/staff-invitation.ts'
import type { AddPage } from '../page/add-page.ts'
import type { OfOrganization } from '../page/administered.ts'
import { selectField } from '../page/choice-field.ts'
import { field, notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { type ListOrder, orderField, orderIn, orderProblem, orderQuery } from '../page/list-order.ts'
import { listLinks, listPlaceIn } from '../page/list-place.ts'
import { namedIn } from '../page/named-in.ts'
import { organizationOf, type ShownOrganization } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { dayOrMoment, moment } from '../page/time.ts'
import { lookedFor } from '../page/typed.ts'
import { peopleListQuery } from './people-list.ts'
import { allRoleChoices } from './staff-role.ts'

/** Who has a role in an organization, and, for those who give roles there, who is invited. */
export const organizationPeoplePage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  const onRequest = requireSession
  server.get<OfOrganization>('/organizations/:organization/people', { onRequest }, async (request, reply) => {
    const shown = await organizationOf(request, options)
    const { organizer, organization, id, name, isManaged } = shown
    const page = `/organizations/${id}/people`
    const query = queryOf(request)
    const asked = askedIn(query)
    const cursors = cursorsFor(organizer.caller)
    const { cursor, isFirst, note, titled } = listPlaceIn(query, cursors, page)
    const found = await findColleagues(organizer, options.registry, {
      ...asked,
      organization: id,
      order: asked.order.by,
      cursor,
    })
    const again = queryOfAsked(asked)
    const nextPage = found.next && cursors.seal({ path: page, query: again, page: found.next })
    const isLaidOut = request.hasOutbox === true && isLetter.has(query.get('done'))
    const done = namedIn(isLaidOut ? laidOutTexts : doneTexts, query.get('done'))
    return sendStaffPage(reply, {
      title: titled(`People of ${name}`),
      isWide: true,
      isProblem: asked.order.problem !== undefined,
      content: html`<h1>People of ${name}</h1>
${done && notice('done', html`<p>${done}</p>${isLaidOut && inOutbox}`)}
<p>Everybody who has a role in this organization itself. Managers of an organization above it manage it too, and are listed there.</p>
${isManaged && organization.active !== false && html`<p><a class="btn btn-primary" href="/organizations/${id}/people/invite">Invite somebody</a></p>`}
${(isNarrowed(asked) || found.total > 10 || query.has('sort')) && finding(page, asked)}
${note}
${people(shown, found, { isAsked: isNarrowed(asked), list: peopleListQuery(request) })}
${listLinks(page, again, { nextPage, isFirst, more: 'More people' })}
${isManaged && invited(shown, await options.staffInvitations.list(id), { token: ownToken(reply), hasOutbox: request.hasOutbox === true })}
<p><a href="/organizations/${id}">Back to ${name}</a></p>`,
    })
  })
}

type Asked = Pick<Parameters<typeof findColleagues>[2], 'name' | 'code'> & {
  readonly order: ListOrder<ColleagueOrder>
}

const askedIn = (query: URLSearchParams): Asked => ({
  name: lookedFor(query, 'name'),
  code: organizationRoles.find(one => one === query.get('role')),
  order: orderIn(query, orders),
})

const orders: Readonly<Record<ColleagueOrder, string>> = {
  name: 'Name',
  role: 'Role',
  since: 'Newest role first',
  changed: 'Last changed first',
}

const queryOfAsked = ({ name, code, order }: Asked): string =>
  new URLSearchParams({ ...(name !== '' && { name }), ...(code && { role: code }), ...orderQuery(order) }).toString()

const isNarrowed = ({ name, code }: Asked): boolean => name !== '' || code !== undefined

const finding = (page: string, { name, code, order }: Asked): Html => html`${problemList([orderProblem(order)])}
<form method="get" action="${page}">
${field({ name: 'name', label: 'Find by name', value: name, autocomplete: 'off', optional: true })}
${selectField({ name: 'role', label: 'Role', value: code ?? '', choices: [{ value: '', label: 'Any role' }, ...allRoleChoices] })}
${orderField(order)}
<button class="btn btn-outline-primary">Find</button>
</form>`

/** `list`: the query of this page of the list. */
type Around = { readonly isAsked: boolean; readonly list: string }

const people = (shown: ShownOrganization, { colleagues }: ColleaguePage, { isAsked, list }: Around): Html => {
  if (colleagues.length === 0)
    return html`<p>${isAsked ? 'Nobody here matches that.' : 'Nobody that you can see has a role in it yet.'}</p>`
  return html`<ul class="list-group list-group-flush mt-4">${colleagues.map(one => listed(shown, one, list))}</ul>`
}

const listed = ({ id, isManaged, organizer }: ShownOrganization, one: Colleague, list: string): Html => {
  const name = nameOfColleague(one)
  const isOwn = one.practitioner === organizer.caller.practitioner
  return html`<li class="list-group-item px-0 py-3">
<h2>${isManaged && !isOwn ? html`<a href="/organizations/${id}/people/${one.id}${list}">${name}</a>` : name}${isOwn && ' (you)'}</h2>
<p>${roleText(one)}${standings[one.standing]}</p>
<p class="text-body-secondary">${one.contacts.join(', ')}${period(one)}</p>
${isOwn && isManaged && html`<p><a href="/organizations/${id}/people/${one.id}/details${list}">Change your name and contacts as others know you</a></p>`}
${isOwn && one.standing !== 'over' && html`<p>To leave, or have another role, ask somebody else: a <a href="/organizations/${id}/people?role=manager">manager</a> here, one of an organization above, or an administrator of this installation: nobody changes their own role.</p>`}
</li>`
}

const standings: Readonly<Record<Colleague['standing'], string>> = {
  'in-force': '',
  over: ' (over)',
  'to-come': ' (not begun)',
}

export const nameOfColleague = ({ name }: Colleague): string => nameText(name) || 'Somebody without a name'

export const roleText = ({ role, isPrivacyOfficer }: Pick<Colleague, 'role' | 'isPrivacyOfficer'>): string =>
  [role && roleNames[role], isPrivacyOfficer && roleNames[privacyOfficer]].filter(Boolean).join(', ')

const period = ({ contacts, since, until, standing }: Colleague): Html => {
  const words = wordsFor('en')
  return html`${contacts.length > 0 && since !== undefined && ', '}${since && html`${standing === 'to-come' ? 'from' : 'since'} ${dayOrMoment(since, words)}`}${until && html` until ${dayOrMoment(until, words, 'last')}`}`
}

const invited = (
  { id, organization }: ShownOrganization,
  invitations: readonly PendingInvitation[],
  { token, hasOutbox }: { readonly token: string; readonly hasOutbox: boolean },
): Html => html`<h2>Invited</h2>
${
  invitations.length === 0
    ? html`<p>There are no open invitations.</p>`
    : html`${organization.active === false && html`<p>While the organization is closed, nobody can join by these, and they cannot be sent again.</p>`}
<ul class="list-group list-group-flush">${invitations.map(one => {
        const button = (action: 'again' | 'cancel', label: string) =>
          html`<div>${postForm({ action: `/organizations/${id}/invitations/${one.id}/${action}`, token, hidden: { until: one.expiresAt.toISOString() } }, html`<button class="btn btn-outline-primary btn-sm" aria-label="${label}: ${one.email}">${label}</button>`)}</div>`
        return html`<li class="list-group-item px-0 py-3">
<h3>${one.email}</h3>
<p>${roleNames[one.role]}. Invited ${moment(one.madeAt)}, ${one.isLate ? 'expired' : html`open until ${moment(one.expiresAt)}`}. ${!one.isLate && letterText(one, hasOutbox)}</p>
<div class="d-flex flex-wrap gap-2">${organization.active !== false && button('again', 'Send again')}${button('cancel', 'Cancel invitation')}</div>
</li>`
      })}</ul>
${invitations.length >= mostListed && html`<p>Only the latest ${mostListed} are shown. Cancel those that are no longer needed to see earlier ones.</p>`}`
}`

const letterText = ({ letter, reason }: PendingInvitation, hasOutbox: boolean): string => {
  const because = reason === null ? '' : ` ${reason}.`
  switch (letter) {
    case 'waiting':
      return `The e-mail is being sent.${because}`
    case 'sent':
      return hasOutbox ? 'The e-mail went to the outbox.' : 'The e-mail is sent.'
    case 'failed':
      return `The e-mail could not be sent.${because} Check the address, and send it again.`
  }
}

/** What was done, where letters are not sent. */
const laidOutTexts: Readonly<Record<string, string>> = {
  invited: 'The invitation works once, within seven days.',
  again: 'There is a new letter; the link in the earlier one no longer works.',
}
const isLetter: ReadonlySet<string | null> = new Set(Object.keys(laidOutTexts))

const inOutbox = html`<p>Nothing is sent from this server. To try it out, open the link of the letter in the <a href="/outbox">outbox</a>, with another browser, or in a private window: in this one you are signed in.</p>`

/** What was done by the form that led here. */
const doneTexts: Readonly<Record<string, string>> = {
  invited: 'The invitation is on its way. It works once, within seven days.',
  again: 'The invitation has been sent again; the link in the earlier e-mail no longer works.',
  cancelled: 'The invitation has been cancelled.',
  changed: 'The role has been changed.',
  details: 'The name and the contacts have been saved.',
  same: 'Nothing has changed: the role is the same as before.',
  removed: 'The role has ended. What they did stays recorded.',
}
