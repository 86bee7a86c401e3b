import type { FastifyRequest } from 'fastify'
import { systems } from '../../fhir/canonical.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { type Source, sourcesOf } from '../../operations/sources.ts'
import type { RefusedReading } from '../../storage/quarantine/quarantine-asked.ts'
import type { Store } from '../../storage/store.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { kindNames } from '../page/kind-names.ts'
import { orderForm, orderIn, orderQuery } from '../page/list-order.ts'
import { numberedPage } from '../page/list-place.ts'
import { namedIn } from '../page/named-in.ts'
import { type OwnRecord, otherRecords, ownRecordIn } from '../page/own-record.ts'
import { numberedLinks, pageNumberIn } from '../page/page-number.ts'
import { requireSession } from '../page/signed-in.ts'
import { moment } from '../page/time.ts'
import { timeLinks, timeOrders } from '../page/time-order.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { refusedBecause } from './refused-because.ts'

/** Patients see what was sent for them and refused. It lies in none of their data, so without this page they would only miss it. */
export const ownRefusedPage: AddPage = (server, options) => {
  server.get(refusedPath, { onRequest: requireSession }, async (request, reply) => {
    const words = wordsOf(request)
    const { say } = words
    const own = await ownRefusedOf(request, options)
    const order = orderIn(queryOf(request), timeOrders(words), words)
    const { page, found, note, titled } = await numberedPage(
      pageNumberIn(queryOf(request)),
      async page =>
        own === undefined
          ? []
          : own.store.refusedOf({
              patient: own.patient,
              order: order.by,
              offset: (page - 1) * pageSize,
              limit: pageSize + 1,
            }),
      { isEmpty: ({ length }) => length === 0, words },
    )
    const shown = found.slice(0, pageSize)
    const done = namedIn(doneTexts, queryOf(request).get('done'))
    const to = (next: number) => addressOf(own?.patient, { ...orderQuery(order), page: String(next) })
    return sendTranslatedPage(reply, words, {
      title: titled(say('refused.title')),
      isProblem: order.problem !== undefined || done?.kind === 'problem',
      content: html`<h1>${say('refused.title')}</h1>
${done && notice(done.kind, html`<p>${say(done.text)}</p>`)}
${note}
<p>${say(shown.length === 0 ? 'refused.none' : 'refused.text')}</p>
${own && (shown.length > 1 || queryOf(request).has('sort')) && orderForm(refusedPath, order, { record: own.patient }, words)}
${own && shown.length > 0 && html`<ul class="list-group list-group-flush mb-4">${await linesOf(own, shown, options, words)}</ul>`}
${numberedLinks(say('refused.pages'), { page, hasMore: found.length > pageSize, to, ...timeLinks(words)[order.by] })}
${own && otherRecords(own, addressOf, words)}
<p><a href="/account">${say('sharing.account')}</a></p>`,
    })
  })
}

export const refusedPath = '/account/refused'

const pageSize = 20

const doneTexts = {
  removed: { kind: 'done', text: 'refused.removed' },
  settled: { kind: 'problem', text: 'refused.settled' },
} as const

export type OwnRefused = OwnRecord & { readonly store: Store }

/** Undefined for whoever has no record. */
export const ownRefusedOf = async (request: FastifyRequest, options: PageOptions): Promise<OwnRefused | undefined> => {
  const own = await ownRecordIn(request, options, scope)
  return own && { ...own, store: options.openStoreFor(own.caller) }
}

const scope = 'user/Observation.rds user/Device.rs'

/** `record` is given for whoever has several. */
export const addressOf = (record: string | undefined, more: Readonly<Record<string, string>> = {}, path = ''): string =>
  `${refusedPath}${path}?${new URLSearchParams({ ...(record !== undefined && { record }), ...more })}`

const linesOf = async (
  own: OwnRefused,
  found: readonly RefusedReading[],
  options: PageOptions,
  words: Words,
): Promise<readonly Html[]> => {
  const sources = await sourcesOfRefused(own, found, options)
  const { patient } = own
  const { codeClasses } = options
  const nameKind = kindNames(codeClasses, words)
  return found.map(one => {
    const kind = nameKind(systems.omh, one.schema) ?? words.say('refused.unknown')
    return html`<li class="list-group-item px-0"><a href="${addressOf(patient, {}, `/${one.id}`)}">${kind}, ${moment(one.lastAt, words)}</a>
<p class="mb-0">${refusedBecause(one.rule, words)}</p>
<p class="mb-0 text-body-secondary">${cameBy(one, sources.get(one.source), words)}</p></li>`
  })
}

/** By id, of those that came from a source that is known. */
export const sourcesOfRefused = (
  { store }: OwnRefused,
  found: readonly RefusedReading[],
  { registry }: PageOptions,
): Promise<ReadonlyMap<string, Source>> =>
  sourcesOf({ registry, store }, new Set(found.flatMap(({ source }) => (source === '' ? [] : [source]))))

/** From which device, by which app, and how often. */
export const cameBy = ({ client, times }: RefusedReading, source: Source | undefined, { say }: Words): string =>
  [
    source?.display && say('refused.from', { source: source.display }),
    client !== null && say('disclosures.through', { app: client }),
    times > 1 && say('refused.times', { count: times }),
  ]
    .filter(part => typeof part === 'string' && part !== '')
    .join(', ')
