import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import { findSourcePage, type Source, type SourceOrder } from '../../studies/definition/source.ts'
import { displayOf } from '../../studies/definition/study-request.ts'
import type { AddPage } from '../page/add-page.ts'
import { field, notice, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { orderField, orderIn, orderProblem, orderQuery } from '../page/list-order.ts'
import { listLinks, listPlaceIn } from '../page/list-place.ts'
import { namedIn } from '../page/named-in.ts'
import { organizerOf } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { lookedFor } from '../page/typed.ts'
import { keeperOf, noSource } from './quarantine-keeper.ts'

/** The sources of data, for all staff; administrators define them. */
export const sourcesPage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  server.get('/devices', { onRequest: requireSession }, async (request, reply) => {
    const organizer = await organizerOf(request, options)
    const { administrator } = organizer.caller
    const query = queryOf(request)
    const name = lookedFor(query, 'name')
    const order = orderIn(query, orders)
    const cursors = cursorsFor(organizer.caller)
    const { cursor, isFirst, note, titled } = listPlaceIn(query, cursors, '/devices')
    const { sources, next } = await findSourcePage(organizer, options.codeClasses, { name, order: order.by, cursor })
    const again = `${new URLSearchParams({ ...(name !== '' && { name }), ...orderQuery(order) })}`
    const nextPage = next && cursors.seal({ path: '/devices', query: again, page: next })
    const isKeeper = await (await keeperOf(request, options)).manages()
    const done = namedIn(doneTexts, query.get('done'))
    return sendStaffPage(reply, {
      title: titled('Devices and apps that data comes from'),
      isProblem: order.problem !== undefined,
      content: html`<h1>Devices and apps that data comes from</h1>
${done && notice('done', html`<p>${done}</p>`)}
<p>Studies ask for data from these, and people consent to them by name.</p>
${administrator && html`<p><a class="btn btn-primary" href="/devices/new">Add a device or app</a></p>`}
${problemList([orderProblem(order)])}
<form method="get" action="/devices">
${field({ name: 'name', label: 'Find by name', value: name, autocomplete: 'off', optional: true })}
${orderField(order)}
<button class="btn btn-outline-primary">Find</button>
</form>
${note}
${
  sources.length === 0
    ? html`<p class="mt-4">${emptyText({ isAsked: name !== '', administrator })}</p>`
    : html`<ul class="list-group list-group-flush mt-4">${sources.map(one => listed(one, options.codeClasses, { administrator, isKeeper }))}</ul>`
}
${listLinks('/devices', again, { nextPage, isFirst, more: 'More' })}
${isKeeper && html`<p><a href="/devices/${noSource}/uploads">Data received from no known device or app</a></p>`}`,
    })
  })
}

const orders: Readonly<Record<SourceOrder, string>> = {
  name: 'Name',
  manufacturer: 'Manufacturer',
  made: 'Last added first',
}

type Asking = { readonly isAsked: boolean; readonly administrator: boolean }

const emptyText = ({ isAsked, administrator }: Asking): string => {
  if (isAsked) return 'No device or app has this in its name.'
  return administrator
    ? 'There are none yet. Add the devices and apps whose data people will share.'
    : 'There are none yet. An administrator of the installation adds them; until then studies can ask for data from any.'
}

type Reader = { readonly administrator: boolean; readonly isKeeper: boolean }

const listed = (source: Source, classes: CodeClasses, { administrator, isKeeper }: Reader): Html => {
  const name = nameOfSource(source)
  const kinds = kindNames(source, classes)
  return html`<li class="list-group-item px-0 py-3">
<h2>${administrator ? html`<a href="/devices/${source.id}">${name}</a>` : name}${source.isRetired && html` <span class="badge text-bg-secondary">Retired</span>`}</h2>
${source.manufacturer !== '' && html`<p>${source.manufacturer}${source.model !== '' && `, ${source.model}`}</p>`}
<p class="text-body-secondary">${kinds.length === 0 ? 'What it delivers is not specified.' : kinds.join(', ')}</p>
${isKeeper && html`<p><a href="/devices/${source.id}/uploads" aria-label="Data received from it: ${name}">Data received from it</a></p>`}
</li>`
}

export const nameOfSource = ({ name, model, manufacturer, id }: Source): string => name || model || manufacturer || id

const kindNames = ({ kinds }: Source, classes: CodeClasses): readonly string[] =>
  kinds.map(kind => displayOf(kind, classes)).toSorted()

/** What was done by the form that led here. */
const doneTexts: Readonly<Record<string, string>> = {
  made: 'It has been added.',
  changed: 'The changes have been saved.',
  retired: 'It has been retired: studies can no longer start asking for it.',
  restored: 'It has been restored: studies can ask for it again.',
}
