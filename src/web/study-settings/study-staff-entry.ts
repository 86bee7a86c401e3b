import type { FastifyReply, FastifyRequest } from 'fastify'
import { tellColleague } from '../../accounts/staff/colleague-news.ts'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import {
  findPractitioners,
  type StaffEntry,
  staffOf,
  staffProblems,
  withoutStaff,
  withStaff,
} from '../../studies/definition/study-staff.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { hiddenField, notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession } from '../page/signed-in.ts'
import { typed } from '../page/typed.ts'
import { roleControls, roleFields, typedStaff } from './staff-fields.ts'
import { changing, notDone, notSaved, sendChangePage, studyOf } from './study-changing.ts'
import { refusable } from './study-staff.ts'
import {
  codeText,
  entryAddress,
  entryText,
  isOwn,
  type Meant,
  type ShownStaff,
  sendStaffList,
  staffAddress,
} from './study-staff-list.ts'

type OfEntry = { readonly Params: { readonly id: string; readonly place: string } }

/** Somebody's role in the study, and when they have it. Nobody changes their own entry. */
export const studyStaffEntryPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/settings/staff/:place'
  server.get<OfEntry>(at, { onRequest }, async (request, reply) => {
    const said = queryOf(request).get('entry')
    if (said === null) return sendEntry(reply, options, await placedOf(request, options))
    const changeable = await studyOf(request, options, 'mayNameStaff')
    const placed = placeOf(changeable, toMeant(said))
    return placed === undefined
      ? sendStaffList(options, reply.code(404), changeable, '', { notices: gone })
      : sendEntry(reply, options, placed)
  })
  server.post<OfEntry>(at, keepsTyped(options), async (request, reply) => {
    const placed = await placedOf(request, options)
    const { changeable, entry } = placed
    const meant = meantIn(request)
    const staff = typedStaff(request.body, meant.practitioner)
    if (entryText(entry) !== entryText(meant))
      return sendOvertaken(reply.code(409), options, { now: changeable, entry: meant }, { staff, notices: notSaved })
    const problems = staffProblems(staff)
    if (Object.keys(problems).length > 0) return sendEntry(reply.code(422), options, placed, { staff, problems })
    const index = changeable.study.extension?.indexOf(entry.extension) ?? 0
    const outcome = await refusable(index, () =>
      changing(request, options, changeable, study => withStaff(study, staff, entry)),
    )
    if (outcome.kind === 'refused')
      return sendEntry(reply.code(422), options, placed, { staff, problems: { until: outcome.why } })
    if (outcome.kind === 'conflict')
      return sendOvertaken(reply.code(409), options, { now: outcome.now, entry }, { staff, notices: notSaved })
    const news = { kind: 'staff-changed', name: titleOf(changeable.study) } as const
    await tellColleague(options.accounts, entry.practitioner, news)
    return reply.redirect(`${staffAddress(changeable)}?done=saved`, 303)
  })
  server.post<OfEntry>(`${at}/remove`, { onRequest }, async (request, reply) => {
    const { changeable, entry } = await placedOf(request, options)
    const meant = meantIn(request)
    if (entryText(entry) !== entryText(meant))
      return sendOvertaken(reply.code(409), options, { now: changeable, entry: meant }, { notices: notDone })
    const outcome = await changing(request, options, changeable, study => withoutStaff(study, entry))
    if (outcome.kind === 'conflict')
      return sendOvertaken(reply.code(409), options, { now: outcome.now, entry }, { notices: notDone })
    const news = { kind: 'staff-removed', name: titleOf(changeable.study) } as const
    if (entry.isInForce) await tellColleague(options.accounts, entry.practitioner, news)
    return reply.redirect(`${staffAddress(changeable)}?done=left`, 303)
  })
}

/** An entry, and its position among those of the study. */
type Placed = { readonly changeable: ChangeableStudy; readonly entry: StaffEntry; readonly place: number }

const placedOf = async (request: FastifyRequest<OfEntry>, options: PageOptions): Promise<Placed> => {
  const changeable = await studyOf(request, options, 'mayNameStaff')
  const place = Number(request.params.place)
  const entry = staffOf(changeable.study)[place]
  if (entry === undefined || isOwn(entry, changeable)) throw new FhirError('not-found', 'There is no such entry')
  return { changeable, entry, place }
}

/** What a form says of the entry for which it was shown. */
const meantIn = ({ body }: FastifyRequest<OfEntry>): Meant => toMeant(typed(body, 'entry'))

const toMeant = (text: string): Meant => {
  const [practitioner = '', from = ''] = text.split(' ')
  return { practitioner, from }
}

const gone = notice(
  'problem',
  html`<p>That entry is no longer there: it has been removed. These work in the study now.</p>`,
)

const sendEntry = async (
  reply: FastifyReply,
  { registry }: PageOptions,
  { changeable, entry, place }: Placed,
  shown: ShownStaff & { readonly isOvertaken?: true } = {},
): Promise<FastifyReply> => {
  const { staff = entry, problems = {}, notices } = shown
  const names = await findPractitioners(changeable.store, registry, [entry.practitioner])
  const others = roleFields(staff, problems, entry, shown.isOvertaken ? entry : staff)
  const address = `${staffAddress(changeable)}/${place}`
  return sendChangePage(reply, changeable, {
    title: names.get(entry.practitioner) ?? codeText(entry.practitioner),
    action: address,
    address: entryAddress(changeable, place, entry),
    notices: html`${notices}${problemList(others)}`,
    fields: [hiddenField('entry', entryText(entry)), ...roleControls(others)],
    after: html`<h2>Remove from the staff</h2>
<p>From then on they read nothing through this study. To keep a record that they worked in it, enter a last day instead.</p>
${postForm({ action: `${address}/remove`, token: ownToken(reply), hidden: { version: changeable.version, entry: entryText(entry) } }, html`<button class="btn btn-outline-primary">Remove from the staff</button>`)}`,
  })
}

type Overtaken = { readonly now: ChangeableStudy; readonly entry: Meant }

/** The same entry in the study as it is now; if it is gone, all entries. */
const sendOvertaken = (
  reply: FastifyReply,
  options: PageOptions,
  { now, entry }: Overtaken,
  shown: ShownStaff,
): Promise<FastifyReply> => {
  const placed = placeOf(now, entry)
  return placed === undefined
    ? sendStaffList(options, reply, now, '', { notices: notDone })
    : sendEntry(reply, options, placed, { ...shown, isOvertaken: true })
}

const placeOf = (changeable: ChangeableStudy, entry: Meant): Placed | undefined => {
  if (isOwn(entry, changeable)) return undefined
  const theirs = staffOf(changeable.study)
    .map((one, place) => ({ changeable, entry: one, place }))
    .filter(one => one.entry.practitioner === entry.practitioner)
  return theirs.length === 1 ? theirs[0] : theirs.find(one => one.entry.from === entry.from)
}
