import type { FastifyRequest } from 'fastify'
import { systems } from '../../fhir/canonical.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { NameKind } from '../../operations/rows/value-cells.ts'
import type {
  Quarantined,
  QuarantinedAsked,
  QuarantinedPage,
  QuarantineGroup,
} from '../../storage/quarantine/quarantine-asked.ts'
import type { PageOptions } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { type ListOrder, orderForm, orderIn, orderQuery } from '../page/list-order.ts'
import { numberedLinks, pageNumberIn } from '../page/page-number.ts'
import { moment } from '../page/time.ts'
import { timeLinks, timeOrders } from '../page/time-order.ts'
import { typed } from '../page/typed.ts'
import { plainly } from './document-lines.ts'
import { findingText } from './finding-text.ts'
import { type Keeper, takeOne } from './quarantine-keeper.ts'

/** What a list is about, a study or a source, and its path. */
export type ListPlace = { readonly of: QuarantinedAsked['of']; readonly path: string }

const pageSize = 20

/** What was refused: by reason, and one by one. Nothing here shows what a document says, or about whom. */
export const quarantineList = async (
  request: FastifyRequest,
  { store, keepers }: Keeper,
  { of, path }: ListPlace,
  shown: Shown,
): Promise<Html> => {
  const query = queryOf(request)
  const asked = askedIn(query)
  const offset = (asked.page - 1) * pageSize
  const found = await store.quarantined({
    ...asked,
    of,
    keepers,
    order: asked.order.by,
    offset,
    limit: pageSize + 1,
  })
  return html`${doneNotice(query)}
<nav aria-label="Which of them" class="mb-4"><ul class="list-unstyled d-flex flex-wrap gap-3">${Object.entries(
    states,
  ).map(
    ([state, { label }]) =>
      html`<li><a href="${urlOf(path, { ...(state === 'settled' && { state }), ...orderQuery(asked.order) })}"${state === asked.state && html` aria-current="page" class="fw-bold text-decoration-none"`}>${label}</a></li>`,
  )}</ul></nav>
${(found.groups.length > 0 || asked.order.problem !== undefined) && orderForm(path, asked.order, hiddenOf(asked))}
${found.groups.length === 0 ? html`<p>${states[asked.state].empty}</p>` : lists(found, asked, path, shown)}`
}

type Asked = Pick<QuarantinedAsked, 'state' | 'group'> & {
  readonly order: ListOrder<keyof typeof orders>
  /** From 1 on. */
  readonly page: number
}

/** What is listed, in the form that chooses the order. */
const hiddenOf = ({ state, group }: Asked) => ({ ...(state === 'settled' && { state }), ...(group && fieldsOf(group)) })

const orders = { ...timeOrders(), often: 'Most often sent first' }

/** What the pages before and after have. */
const beside = { ...timeLinks(), often: { before: 'More often', after: 'Less often' } }

/** A state or reason in the address that is not valid is ignored. */
const askedIn = (query: URLSearchParams): Asked => ({
  state: query.get('state') === 'settled' ? 'settled' : 'waiting',
  group: groupIn(name => query.get(name) ?? undefined),
  order: orderIn(query, orders),
  page: pageNumberIn(query),
})

const states = {
  waiting: { label: 'Waiting', empty: 'Nothing is waiting: everything that was sent has been accepted or dealt with.' },
  settled: { label: 'Accepted or removed', empty: 'Nothing has been accepted from here or removed yet.' },
} as const

type Shown = { readonly token: string; readonly nameKind: NameKind }

const lists = (
  { groups, documents }: QuarantinedPage,
  { state, group, order, page }: Asked,
  path: string,
  shown: Shown,
): Html => {
  const kept = state === 'settled' ? { state } : {}
  const to = (more: Readonly<Record<string, string>>) => urlOf(path, { ...kept, ...orderQuery(order), ...more })
  const at = (next: number) => to({ ...(group && fieldsOf(group)), page: String(next) })
  return html`<h2>By reason</h2>
${groupList(groups, { path, to, ...shown, isWaiting: state === 'waiting' })}
<h2>One by one${group && `: ${findingText(group.rule)}`}</h2>
${group && html`<p><a href="${to({})}">Show all reasons</a></p>`}
<ul class="list-group list-group-flush mb-4">${documents.slice(0, pageSize).map(one => listed(one, group === undefined ? whereIn(one, shown.nameKind) : undefined))}</ul>
${numberedLinks('Pages', { page, hasMore: documents.length > pageSize, to: at, ...beside[order.by] })}`
}

/** How many at once, since each is an upload of its own. */
const most = 100

/** Has those accepted that were refused for the reason in the form; answers where to go on. */
export const takeGroup = async (
  request: FastifyRequest,
  options: PageOptions,
  keeper: Keeper,
  { of, path }: ListPlace,
): Promise<string> => {
  const group = groupIn(name => typed(request.body, name))
  if (group === undefined) return path
  const { keepers } = keeper
  const asked = { of, keepers, state: 'waiting' as const, group, order: 'tried' as const, offset: 0, limit: most + 1 }
  const { documents } = await keeper.store.quarantined(asked)
  const counts = { taken: 0, refused: 0, settled: 0 }
  for (const { id } of documents.slice(0, most)) counts[await takeOne(request, options, keeper, id)] += 1
  return urlOf(path, {
    taken: String(counts.taken),
    refused: String(counts.refused),
    ...(documents.length > most && { left: 'yes' }),
  })
}

/** Whether something was refused again by what led here, or is wrong in the address, so that the title has to say it first. */
export const isProblemOfList = (query: URLSearchParams): boolean =>
  /^[1-9]\d{0,3}$/.test(query.get('refused') ?? '') || orderIn(query, orders).problem !== undefined

const doneNotice = (query: URLSearchParams): Html | undefined => {
  if (query.get('removed') === 'yes') return notice('done', html`<p>It has been removed.</p>`)
  const [taken, refused] = ['taken', 'refused'].map(name => query.get(name) ?? '')
  if (!/^\d{1,4}$/.test(taken ?? '') || !/^\d{1,4}$/.test(refused ?? '')) return undefined
  const isWhole = query.get('left') !== 'yes'
  return notice(
    refused === '0' ? 'done' : 'problem',
    html`<p>${taken} of them ${taken === '1' ? 'was' : 'were'} accepted, ${refused} refused again.${!isWhole && ` Only ${most} are tried at once: there are more.`}</p>`,
  )
}

type Table = Shown & {
  readonly path: string
  readonly to: (more: Readonly<Record<string, string>>) => string
  readonly isWaiting: boolean
}

const groupList = (groups: QuarantinedPage['groups'], { path, to, token, nameKind, isWaiting }: Table): Html => html`<ul
class="list-group list-group-flush mb-4">${groups.map(
  group => html`<li class="list-group-item px-0">
<h3><a href="${to(fieldsOf(group))}">${findingText(group.rule)}</a></h3>
<p>${whereIn(group, nameKind)}</p>
<p>${group.documents === 1 ? 'One document' : `${group.documents} documents`}${group.times > group.documents && `, sent ${group.times} times`}, last ${moment(group.lastAt)}</p>
${isWaiting && postForm({ action: `${path}/replay`, token, hidden: fieldsOf(group) }, tryAgain(group, nameKind))}
</li>`,
)}</ul>`

const tryAgain = (group: QuarantineGroup & { readonly documents: number }, nameKind: NameKind): Html => {
  const label = `Try ${group.documents === 1 ? 'it' : 'all'} again`
  const which = `${findingText(group.rule)}, ${whereText(group, nameKind)}`
  return html`<button class="btn btn-outline-primary btn-sm" aria-label="${label}: ${which}">${label}</button>`
}

/** What kind of reading it is, and where in it the fault is, by the names that whoever makes the app knows. */
export const whereIn = (group: QuarantineGroup, nameKind: NameKind): Html =>
  html`<span class="d-block text-body-secondary text-break">${whereText(group, nameKind)}</span>`

const whereText = ({ pointer, schema }: QuarantineGroup, nameKind: NameKind): string => {
  const kind = schema === 'unknown' ? 'Of unknown kind' : (nameKind(systems.omh, schema) ?? 'Of a kind without a name')
  const named = schema === 'unknown' ? kind : `${kind} (${plainly(schema)})`
  return pointer === '' ? named : `${named}, at ${plainly(pointer)}`
}

const listed = (one: Quarantined, where: Html | undefined): Html => html`<li class="list-group-item px-0">
<a href="/quarantine/${one.id}">${findingText(one.rule)}, ${moment(one.lastAt)}</a>${one.times > 1 && `, sent ${one.times} times`}
${where}
${(one.state !== 'waiting' || one.triedAt !== null) && html`<p class="text-body-secondary">${fateOf(one)}</p>`}
</li>`

export const fateOf = ({ state, triedAt, refusal }: Quarantined): Html | string => {
  if (state === 'removed') return 'Removed.'
  if (state === 'taken') return html`Accepted${triedAt !== null && html` ${moment(triedAt)}`}.`
  if (triedAt === null || refusal === null) return 'Waiting.'
  return html`Refused again ${moment(triedAt)}: ${refusalText(refusal)}.`
}

const refusalText = (word: string): string => refusalTexts[word] ?? findingText(word)

const gone = 'the reading that it would change no longer exists'
const refusalTexts: Readonly<Record<string, string>> = {
  forbidden: 'consents and rights no longer allow its sender to write it',
  conflict: 'the reading that it would change has been changed, or created, since it came',
  'not-found': gone,
  deleted: gone,
  incomplete: 'it refers to what was sent with it and refused with it: only its sender can send both again',
}

const fieldsOf = ({ rule, pointer, schema }: QuarantineGroup) => ({ rule, pointer, schema })

const groupIn = (read: (name: string) => string | undefined): QuarantineGroup | undefined => {
  const [rule = '', pointer, schema] = [read('rule'), read('pointer'), read('schema')]
  if (rule === '' || pointer === undefined || schema === undefined) return undefined
  // PostgreSQL texts cannot contain U+0000.
  return [rule, pointer, schema].some(text => text.includes('\0')) ? undefined : { rule, pointer, schema }
}

const urlOf = (path: string, more: Readonly<Record<string, string>>): string => {
  const query = new URLSearchParams(more)
  return query.size === 0 ? path : `${path}?${query}`
}
