import type { Organization } from '@medplum/fhirtypes'
import { nameOfOrganization } from '../../accounts/organization/organization-tree.ts'
import type { Organizer } from '../../accounts/organization/organizer.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { OrganizationClient } from '../../storage/authorization/client-registration.ts'
import type { ClientOrder, ClientOwner, ClientsAsked } from '../../storage/authorization/installation-client.ts'
import { kindLabel, lastToken } from '../organization/organization-apps.ts'
import { policyWords } from '../organization/policy-words.ts'
import type { AddPage } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { type ListOrder, orderField, orderIn, orderProblem, orderQuery } from '../page/list-order.ts'
import { numberedPage } from '../page/list-place.ts'
import { numberedLinks, pageNumberIn } from '../page/page-number.ts'
import { administratorOf } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { lookedFor } from '../page/typed.ts'

const path = '/system/apps'

/** All apps and backend services that are registered here, whoever registered them, for the administrators of the installation. */
export const systemAppsPage: AddPage = (server, options) => {
  const { installationApps } = server.authorization
  server.get(path, { onRequest: requireSession }, async (request, reply) => {
    const administrator = await administratorOf(request, options)
    const query = queryOf(request)
    const order = orderIn(query, orders)
    const asked = { name: lookedFor(query, 'name'), of: ownerIn(query) }
    const { page, found, note, titled } = await numberedPage(
      pageNumberIn(query),
      at => installationApps.list({ ...asked, order: order.by }, at),
      { isEmpty: ({ apps }) => apps.length === 0 },
    )
    const to = (other: number) =>
      `${path}?${new URLSearchParams({ ...asked, ...orderQuery(order), page: String(other) })}`
    const names = await namesOf(administrator, found.apps)
    return sendStaffPage(reply, {
      title: titled('Apps and backend services'),
      isProblem: order.problem !== undefined,
      content: html`<h1>Apps and backend services</h1>
<p>All that are registered here. Managers register those of their organizations; only the operator registers one for the whole installation, by <code>sharewell client register</code>.</p>
${finding(asked, order)}
${note}
${
  found.apps.length === 0
    ? html`<p class="mt-4">${emptyText(asked)}</p>`
    : html`<ul class="list-group list-group-flush mt-4">${found.apps.map(app => listed(app, names))}</ul>`
}
${numberedLinks('Pages', { page, hasMore: found.hasMore, to, before: 'Previous page', after: 'Next page' })}
<p class="mt-4"><a href="/system">Back to the system</a></p>`,
    })
  })
}

const orders: Readonly<Record<ClientOrder, string>> = {
  registered: 'Last registered first',
  name: 'Name',
  used: 'Last used first',
}

const owners: Readonly<Record<ClientOwner, string>> = {
  installation: 'The whole installation',
  organization: 'An organization',
  itself: 'Nobody: it registered itself',
}

type Asked = Pick<ClientsAsked, 'name' | 'of'>

const ownerIn = (query: URLSearchParams): Asked['of'] =>
  (Object.keys(owners) as ClientOwner[]).find(one => one === query.get('of')) ?? ''

const finding = ({ name, of }: Asked, order: ListOrder): Html => html`${problemList([orderProblem(order)])}
<form method="get" action="${path}">
${field({ name: 'name', label: 'Find by name', hint: 'A part of it, or a whole client_id', value: name, autocomplete: 'off', optional: true })}
${selectField({
  name: 'of',
  label: 'Approved by',
  value: of,
  choices: [
    { value: '', label: 'Anybody, or nobody' },
    ...Object.entries(owners).map(([value, label]) => ({ value, label })),
  ],
})}
${orderField(order)}
<button class="btn btn-outline-primary">Show</button>
</form>`

const emptyText = ({ name, of }: Asked): string =>
  name === '' && of === ''
    ? 'There are none yet. Managers register them on the page of their organization.'
    : 'None matches that.'

/** The names of the organizations to which they belong, by their ids. */
const namesOf = async (
  { find }: Organizer,
  apps: readonly OrganizationClient[],
): Promise<ReadonlyMap<string, string>> => {
  const ids = [...new Set(apps.flatMap(({ organization }) => organization ?? []))]
  if (ids.length === 0) return new Map()
  const { entries } = await find<Organization>('Organization', { _id: ids.join(','), _count: String(ids.length) })
  return new Map(entries.map(({ resource }) => [resource.id ?? '', nameOfOrganization(resource)]))
}

const listed = (app: OrganizationClient, names: ReadonlyMap<string, string>): Html => {
  const { organization, policies } = app
  const page = organization === undefined ? `${path}/${app.id}` : `/organizations/${organization}/apps/${app.id}`
  return html`<li class="list-group-item px-0 py-3">
<h2><a href="${page}">${app.name}</a></h2>
<p>${kindLabel(app)}, ${approvedBy(app, names)}${app.disabledBy && html`, <strong>disabled</strong>`}</p>
${policies.length > 0 && html`<p>Besides what its scopes allow, it may ${policyWords(policies)}.</p>`}
<p class="text-body-secondary">${app.scope === '' ? 'May have no user/ or system/ scopes' : html`At most ${app.scope}`}</p>
<p class="text-body-secondary">${lastToken(app)}</p>
</li>`
}

const approvedBy = (
  { organization, selfRegistered }: OrganizationClient,
  names: ReadonlyMap<string, string>,
): string => {
  if (organization !== undefined) return `of ${names.get(organization) ?? organization}`
  return selfRegistered ? 'registered itself' : 'of the whole installation'
}
