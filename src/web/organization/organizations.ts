import {
  type Branch,
  findTree,
  nameOfOrganization,
  type OrganizationOrder,
  type TreePage,
} from '../../accounts/organization/organization-tree.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { AddPage } from '../page/add-page.ts'
import { box, field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { type ListOrder, orderField, orderIn, orderProblem, orderQuery } from '../page/list-order.ts'
import { pageTitle } from '../page/list-place.ts'
import { officerText } from '../page/officer-text.ts'
import { pageNumberIn } from '../page/page-number.ts'
import { organizerOf } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { lookedFor } from '../page/typed.ts'
import { typeText } from './organization-form.ts'

/** The tree of organizations, as far as somebody may see it. */
export const organizationsPage: AddPage = (server, options) => {
  server.get('/organizations', { onRequest: requireSession }, async (request, reply) => {
    const organizer = await organizerOf(request, options)
    const query = queryOf(request)
    const name = lookedFor(query, 'name')
    const withClosed = query.get('closed') === 'yes'
    const order = orderIn(query, orders)
    const tree = await findTree(organizer, { name, withClosed, order: order.by, page: pageNumberIn(query) })
    const { administrator } = organizer.caller
    return sendStaffPage(reply, {
      title: pageTitle('Organizations', tree.page),
      isProblem: order.problem !== undefined,
      content: html`<h1>Organizations</h1>
<p>Each organization is listed below the one it is part of. Whoever manages an organization also manages everything below it.</p>
${administrator && html`<p><a class="btn btn-primary" href="/organizations/new">Add a top-level organization</a></p>`}
${problemList([orderProblem(order)])}
<form method="get" action="/organizations">
${field({ name: 'name', label: 'Find by name', value: name, autocomplete: 'off', optional: true })}
${orderField(order)}
${box({ type: 'checkbox', name: 'closed', value: 'yes', label: 'Include closed organizations', isChosen: withClosed })}
<button class="btn btn-outline-primary">Find</button>
</form>
${tree.total === 0 ? html`<p>${emptyText({ isAsked: name !== '', administrator, isOfficer: request.standing?.officer === true })}</p>` : html`<div class="mt-4">${branches(tree.roots)}</div>`}
${tree.pages > 1 && pageLinks(tree, { name, withClosed, order })}
${tree.areMore && html`<p>There are more than can be shown here.</p>`}`,
    })
  })
}

type Reader = { readonly isAsked: boolean; readonly administrator: boolean; readonly isOfficer: boolean }

const emptyText = ({ isAsked, administrator, isOfficer }: Reader): Html | string => {
  if (isAsked) return 'No organization that you can see has this in its name.'
  return administrator
    ? 'There are no organizations yet. Add the first, such as your university or hospital; its departments are added below it. Organizations at the top see nothing of each other.'
    : html`There are no organizations that you can see, except any that are closed. ${isOfficer ? officerText : 'If you belong to none, ask the people who invited you.'}`
}

const branches = (level: readonly Branch[]): Html =>
  html`<ul>${level.map(
    ({ organization, parts }) => html`<li>
<a href="/organizations/${organization.id}">${nameOfOrganization(organization)}</a>
${typeText(organization) && html`<span class="text-body-secondary">${typeText(organization)}</span>`}
${organization.active === false && html`<span class="badge text-bg-secondary">Closed</span>`}
${parts.length > 0 && branches(parts)}
</li>`,
  )}</ul>`

type Asked = {
  readonly name: string
  readonly withClosed: boolean
  readonly order: ListOrder<OrganizationOrder>
}

const orders: Readonly<Record<OrganizationOrder, string>> = {
  name: 'Name',
  type: 'Type, then name',
  made: 'Last added first',
}

const pageLinks = ({ page, pages }: TreePage, { name, withClosed, order }: Asked): Html => {
  const to = (other: number) =>
    `/organizations?${new URLSearchParams({ ...(name !== '' && { name }), ...(withClosed && { closed: 'yes' }), ...orderQuery(order), page: String(other) })}`
  return html`<nav aria-label="Pages"><p>Page ${page} of ${pages}
${page > 1 && html` <a href="${to(page - 1)}">Previous page</a>`}
${page < pages && html` <a href="${to(page + 1)}">Next page</a>`}</p></nav>`
}
