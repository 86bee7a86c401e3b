import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import type { Ingest } from '../../storage/upload/ingest-asked.ts'
import { readSource } from '../../studies/definition/source.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { kindNames } from '../page/kind-names.ts'
import { orderForm, orderIn, orderQuery } from '../page/list-order.ts'
import { numberedPage, pageTitle } from '../page/list-place.ts'
import { notFound } from '../page/not-found.ts'
import { numberedLinks, pageNumberIn } from '../page/page-number.ts'
import { organizerOf } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { timeLinks, timeOrders } from '../page/time-order.ts'
import { keeperOf, noSource } from './quarantine-keeper.ts'
import { isProblemOfList, quarantineList, takeGroup } from './quarantine-list.ts'
import { nameOfSource } from './sources.ts'

type OfSource = { readonly Params: { readonly device: string } }

/** What came from a source for patients of organizations that the reader manages, and what of it was refused. */
export const sourceIntakePages: AddPage = (server, options) => {
  const onRequest = requireSession
  server.get<OfSource>('/devices/:device/uploads', { onRequest }, async (request, reply) => {
    const { keeper, path, name, source } = await sourceFor(request, options)
    const order = orderIn(queryOf(request), timeOrders())
    const { page, found, note, titled } = await numberedPage(
      pageNumberIn(queryOf(request)),
      page =>
        keeper.store.ingest({
          source,
          keepers: keeper.keepers,
          order: order.by,
          offset: (page - 1) * pageSize,
          limit: pageSize + 1,
        }),
      { isEmpty: ({ uploads }) => uploads.length === 0 },
    )
    const to = (next: number) => `${path}/uploads?${new URLSearchParams({ ...orderQuery(order), page: String(next) })}`
    return sendStaffPage(reply, {
      title: titled(`Data received: ${name}`),
      isProblem: order.problem !== undefined,
      content: html`<h1>Data received from ${name}</h1>
<p>${scopeText(keeper.caller.administrator)} <a href="${path}/quarantine">What was refused, and why</a></p>
${note}
${
  found.uploads.length === 0 && page === 1
    ? html`<p>Nothing has been received yet. Each upload is listed here as soon as an app sends something.</p>`
    : html`${page === 1 && html`<h2>The last 30 days, by UTC</h2>${dayList(found.days)}`}
<h2>Uploads</h2>
${orderForm(`${path}/uploads`, order, {})}
${uploadList(found.uploads.slice(0, pageSize))}
${numberedLinks('Pages', { page, hasMore: found.uploads.length > pageSize, to, ...timeLinks()[order.by] })}`
}
<p><a href="/devices">Back to the devices and apps</a></p>`,
    })
  })
  const at = '/devices/:device/quarantine'
  server.get<OfSource>(at, { onRequest }, async (request, reply) => {
    const { keeper, path, name, place } = await sourceFor(request, options)
    return sendStaffPage(reply, {
      title: pageTitle(`Refused documents: ${name}`, pageNumberIn(queryOf(request))),
      isProblem: isProblemOfList(queryOf(request)),
      isWide: true,
      content: html`<h1>Refused documents from ${name}</h1>
<p>${scopeText(keeper.caller.administrator)} <a href="${path}/uploads">Data received</a></p>
<p>Documents that were refused, by a validation policy or because they could not be read, are kept as they were sent. Once the cause is mended, try again: they are checked anew, and accepted only if their sender may still write them.</p>
${await quarantineList(request, keeper, place, { token: ownToken(reply), nameKind: kindNames(options.codeClasses, wordsFor('en')) })}
<p><a href="/devices">Back to the devices and apps</a></p>`,
    })
  })
  server.post<OfSource>(`${at}/replay`, { onRequest }, async (request, reply) => {
    const { keeper, place } = await sourceFor(request, options)
    return reply.redirect(await takeGroup(request, options, keeper, place), 303)
  })
}

const pageSize = 50

const scopeText = (administrator: boolean): string =>
  administrator
    ? 'For all patients, without what any of it says.'
    : 'For patients that your organizations have registered.'

/** Throws `not-found` for anybody who manages no organization. */
const sourceFor = async (request: FastifyRequest<OfSource>, options: PageOptions) => {
  const { device } = request.params
  const keeper = await keeperOf(request, options)
  if (!(await keeper.manages())) return notFound()
  const id = device === noSource ? '' : device
  const name =
    id === ''
      ? 'no known device or app'
      : nameOfSource(await readSource(await organizerOf(request, options), options.codeClasses, id))
  const path = `/devices/${device}`
  return { keeper, path, name, source: id, place: { of: { kind: 'source', id }, path: `${path}/quarantine` } as const }
}

type Counted = Omit<Ingest['days'][number], 'day' | 'uploads'>

const dayList = (days: Ingest['days']): Html =>
  html`<ul class="list-group list-group-flush mb-4">${days.map(
    one => html`<li class="list-group-item px-0">
${one.day}: ${one.uploads === 1 ? 'one upload' : `${one.uploads} uploads`}
<p class="text-body-secondary">${sentence(one)}</p>
</li>`,
  )}</ul>`

const uploadList = (uploads: Ingest['uploads']): Html =>
  html`<ul class="list-group list-group-flush mb-4">${uploads.map(
    one => html`<li class="list-group-item px-0">
${moment(one.at)}, by ${one.client}
<p class="text-body-secondary">${sentence(one)}</p>
</li>`,
  )}</ul>`

const sentence = ({ accepted, repaired, duplicate, refused }: Counted): string =>
  [
    accepted > 0 && `${accepted} accepted${repaired > 0 ? `, of these ${repaired} repaired` : ''}`,
    duplicate > 0 && `${duplicate} already there`,
    refused > 0 && `${refused} refused`,
  ]
    .filter(Boolean)
    .join('; ')
