import type { Organization, ResearchStudy } from '@medplum/fhirtypes'
import type { Registry } from '../../fhir/registry.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import { isolated } from '../../messages/isolated.ts'
import { escaped } from '../../search/escape.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import type { Store } from '../../storage/store.ts'
import { daysText } from '../../studies/definition/period-day.ts'
import { organizationsForStudies } from '../../studies/definition/study-change.ts'
import { sponsorOf } from '../../studies/definition/study-sponsor.ts'
import { statusText } from '../../studies/definition/study-status.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import type { AddPage } from '../page/add-page.ts'
import { copyButton, copyScript } from '../page/copy-button.ts'
import { field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { type ListOrder, orderField, orderIn, orderProblem, orderQuery } from '../page/list-order.ts'
import { listLinks, listPlaceIn } from '../page/list-place.ts'
import { officerText } from '../page/officer-text.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { lookedFor } from '../page/typed.ts'

/** The studies in which somebody works, that belong to their organization, or that they manage from above. */
export const studiesPage: AddPage = (server, options) => {
  const { accounts, registry, openStoreFor } = options
  const cursorsFor = openCursors(accounts.secretKey)
  server.get('/studies', { onRequest: requireSession }, async (request, reply) => {
    const caller = await callerOfSession(accounts.database, sessionOf(request))
    if (caller?.practitioner === undefined) return reply.redirect('/account?done=not-staff', 303)
    const cursors = cursorsFor(caller)
    const query = queryOf(request)
    const wanted = { title: lookedFor(query, 'title'), order: orderIn(query, orders) }
    const { cursor, isFirst, note, titled } = listPlaceIn(query, cursors, '/studies')
    const asked = parseSearch(registry, 'ResearchStudy', queryFor(wanted))
    const store = openStoreFor(caller)
    const { entries, next } = await store.search({ ...asked, cursor })
    const studies = entries.map(({ content }): ResearchStudy => JSON.parse(content))
    const nextPage = next && cursors.seal({ path: '/studies', query: againOf(wanted), page: next })
    const sponsors = await sponsorNames(studies, store, registry)
    const organizations = await organizationsForStudies(options, sessionOf(request).person)
    return sendStaffPage(reply, {
      title: titled('Studies'),
      isProblem: wanted.order.problem !== undefined,
      content: html`<h1>Studies</h1>
${note}
${listed(studies, sponsors, { ...wanted, nextPage, isFirst })}
${studies.length === 0 && request.standing?.officer && html`<p>${officerText}</p>`}
${
  organizations.length > 0 &&
  html`<h2>Create a study</h2>
<ul>${organizations.slice(0, mostOrganizations).map(({ id, name }) => html`<li><a href="/organizations/${id}/studies/new">A new study of ${name}</a></li>`)}</ul>
${organizations.length > mostOrganizations && html`<p>For another of your organizations, find it in the <a href="/organizations">list</a> and create the study from its page.</p>`}`
}
<h2>Work in a study of another organization</h2>
<p>Give your code to whoever leads it, so that they can add you to its staff: <code id="own-code">${caller.practitioner}</code> ${copyButton('own-code', 'your code')}</p>
${copyScript}
<p><a href="/account">Back to your account</a></p>`,
    })
  })
}

/** A manager at the top may create one in each organization of the tree. */
const mostOrganizations = 20

const orders = { title: 'Title', status: 'Status, then title', made: 'Last created first' }
type Order = keyof typeof orders

/** Resources come with the last made first if no order is asked for. */
const sorts: Readonly<Record<Order, Readonly<Record<string, string>>>> = {
  title: { _sort: 'title' },
  status: { _sort: 'status,title' },
  made: {},
}

/** `title`: what they look for in the titles; empty for all. */
type Wanted = { readonly title: string; readonly order: ListOrder<Order> }

const queryFor = ({ title, order }: Wanted): URLSearchParams =>
  new URLSearchParams({
    ...(title !== '' && { 'title:contains': escaped(title) }),
    ...sorts[order.by],
    _count: '50',
  })

const againOf = ({ title, order }: Wanted): string =>
  `${new URLSearchParams({ ...(title !== '' && { title }), ...orderQuery(order) })}`

/** What the organizations of the studies are called, as far as the reader may know that. */
const sponsorNames = async (
  studies: readonly ResearchStudy[],
  store: Pick<Store, 'search'>,
  registry: Registry,
): Promise<ReadonlyMap<string, string>> => {
  const ids = [...new Set(studies.flatMap(study => sponsorOf(study) ?? []))]
  if (ids.length === 0) return new Map()
  const asked = new URLSearchParams({ _id: ids.join(','), _count: `${ids.length}` })
  const { entries } = await store.search(parseSearch(registry, 'Organization', asked))
  const found = entries.map(({ content }): Organization => JSON.parse(content))
  return new Map(found.map(({ id = '', name = '' }) => [id, name]))
}

type Around = Wanted & { readonly nextPage: string | undefined; readonly isFirst: boolean }

/** Most people work in a few studies, so that they are asked for a title only where there is more than one page. */
const listed = (
  studies: readonly ResearchStudy[],
  sponsors: ReadonlyMap<string, string>,
  { title, order, nextPage, isFirst }: Around,
): Html => {
  const again = againOf({ title, order })
  const isOnePage = nextPage === undefined && isFirst
  return html`${(again !== '' || order.problem !== undefined || !isOnePage) && finding({ title, order })}
${
  studies.length === 0
    ? html`<p>${title === '' ? none : 'No study that you can see has this in its title.'}</p>`
    : html`<ul class="list-group list-group-flush mb-4">${studies.map(
        study => html`<li class="list-group-item px-0 py-3"><h2 class="h3"><a href="/studies/${study.id}">${titleOf(study)}</a></h2>
<p class="text-body-secondary">${lineOf(study, sponsors)}</p></li>`,
      )}</ul>`
}
${listLinks('/studies', again, { nextPage, isFirst, more: 'More studies' })}
${title !== '' && html`<p><a href="/studies">All studies</a></p>`}`
}

const lineOf = (study: ResearchStudy, sponsors: ReadonlyMap<string, string>): Html => {
  const sponsor = sponsors.get(sponsorOf(study) ?? '')
  const parts = [statusText(study), sponsor && isolated(sponsor), daysText(study.period ?? {})]
  return html`${parts.filter(Boolean).join(' · ')}`
}

const finding = ({ title, order }: Wanted): Html => html`${problemList([orderProblem(order)])}
<form method="get" action="/studies" class="mb-4">
${field({ name: 'title', label: 'Find by title', value: title, autocomplete: 'off', optional: true })}
${orderField(order)}
<button class="btn btn-outline-primary">Find</button>
</form>`

const none =
  'There are no studies that you can see. A study is shown to members of its organization, to its staff, and to managers of organizations above.'
