import { queryOf } from '../../http/fhir/presentation.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { findSharers, type Receiver, type SharedRecord } from '../../studies/consent/sharers.ts'
import type { AddPage } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { orderField, orderProblem } from '../page/list-order.ts'
import { listLinks, listPlaceIn } from '../page/list-place.ts'
import { requireSession } from '../page/signed-in.ts'
import { staffCallerOf } from '../page/staff-caller.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { dayOrMoment } from '../page/time.ts'
import { ownLinks } from './own-links.ts'
import { sinceText, whoText, withWhom } from './sharer-text.ts'
import { isNarrowed, queryOfSharers, type SharersWanted, sharersWantedIn } from './sharers-asked.ts'

const words = wordsFor('en')
const pageSize = 20
const path = '/shared'

/** Who shares their data with the clinician who is signed in, or with an organization of theirs, and with no study. */
export const sharersPage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  server.get('/shared', { onRequest: requireSession }, async (request, reply) => {
    const caller = await staffCallerOf(request, options)
    const query = queryOf(request)
    const wanted = sharersWantedIn(query)
    const { text, to, order } = wanted
    const cursors = cursorsFor(caller)
    const { cursor, isFirst, note, titled } = listPlaceIn(query, cursors, path)
    const asked = { text, to, sort: order.by, cursor, limit: pageSize }
    const { records, next, receivers } = await findSharers(options, caller, asked, words)
    const links = isFirst ? await ownLinks(options, caller) : undefined
    const again = queryOfSharers(wanted)
    const nextPage = next && cursors.seal({ path, query: again, page: next })
    return sendStaffPage(reply, {
      title: titled('Shared with me'),
      isWide: true,
      isProblem: order.problem !== undefined,
      content: html`<h1>Shared with me</h1>
<p>Patients who share what they measure with you, or with an organization of yours, for their treatment. What is shared with a study is on the page of the study.</p>
${(receivers.length > 0 || isNarrowed(wanted)) && finding(wanted, receivers)}
${note}
${records.length === 0 ? html`<p class="mt-4">${emptyText(receivers, links !== undefined)}</p>` : html`<ul class="list-group list-group-flush my-4">${records.map(one => listed(one, request.url))}</ul>`}
${listLinks(path, again, { nextPage, isFirst, more: 'More people' })}
${links}
<p class="mt-4"><a href="/account">Back to your account</a></p>`,
    })
  })
}

const finding = ({ text, to, order }: SharersWanted, receivers: readonly Receiver[]): Html => {
  const known = [...receivers, ...(to === '' || receivers.some(({ id }) => id === to) ? [] : [unknown(to)])]
  return html`${problemList([orderProblem(order)])}
<form method="get" action="/shared" class="finds">
<div class="columns">
${field({ name: 'find', label: 'Part of a name or code', value: text, autocomplete: 'off', optional: true })}
${known.length > 1 && withField(to, known)}
${orderField(order)}
</div>
<button class="btn btn-outline-primary">Show</button>
</form>`
}

/** Nothing is shared any more with whom the address names. */
const unknown = (id: string): Receiver => ({ id, organization: id })

const withField = (to: string, receivers: readonly Receiver[]): Html =>
  selectField({
    name: 'with',
    label: 'Shared with',
    value: to,
    choices: [
      { value: '', label: 'You, or an organization of yours' },
      ...receivers.map(one => ({ value: one.id, label: one.organization ?? 'You' })),
    ],
  })

const emptyText = (receivers: readonly Receiver[], hasLink: boolean): string => {
  if (receivers.length > 0) return 'Nobody who shares with you matches that.'
  return hasLink
    ? 'Nobody shares anything with you at this moment. A patient does so with a link below, or with an app of theirs that records consents.'
    : 'Nobody shares anything with you at this moment. For patients to find you, you need a name: a manager of your organization gives you one.'
}

const listed = (one: SharedRecord, here: string): Html => {
  const { consent, lines, measured } = one
  return html`<li class="list-group-item px-0 py-3"><div class="row">
<div class="col-md-4"><h2 class="h3"><a href="/shared/${consent.id}?${String(new URLSearchParams({ back: here }))}">${whoText(one)}</a></h2>
<p>Shared with ${withWhom(one)}${sinceText(one)}</p></div>
<div class="col-md-4">${lines.map(({ what }) => html`<p class="mb-1">${what}</p>`)}</div>
<p class="col-md-4 text-body-secondary">${measured === undefined ? 'No reading yet.' : html`Newest reading: ${dayOrMoment(measured, words)}`}</p>
</div></li>`
}
