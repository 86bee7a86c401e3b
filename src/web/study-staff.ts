import type { FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../fhir/error.ts'
import { queryOf } from '../http/presentation.ts'
import type { ChangeableStudy } from '../studies/study-change.ts'
import {
  findColleagues,
  findPractitioners,
  type NewStaff,
  type StaffEntry,
  staffOf,
  staffProblems,
  staffRoles,
  withoutStaff,
  withStaff,
} from '../studies/study-staff.ts'
import type { AddPage } from './add-page.ts'
import { radioField } from './choice-field.ts'
import { field, problemList, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { requireSession } from './signed-in.ts'
import { noStaff, roleControls, roleFields, typedStaff } from './staff-fields.ts'
import { changedMeanwhile, changing, formHead, type OfStudy, sendChangePage, studyOf } from './study-changing.ts'

type OfEntry = { readonly Params: { readonly id: string; readonly place: string } }
type Shown = {
  readonly staff?: NewStaff
  readonly problems?: ReturnType<typeof staffProblems>
  readonly notices?: Html
  readonly version?: string
}

/** Who works in a study, in which role and when. Nobody changes an entry of their own. */
export const studyStaffPage: AddPage = (server, options) => {
  const { registry } = options
  const onRequest = requireSession
  const at = '/studies/:id/settings/staff'

  const send = async (
    reply: FastifyReply,
    changeable: ChangeableStudy,
    name: string,
    shown: Shown = {},
  ): Promise<FastifyReply> => {
    const { study, store, mayNameStaff } = changeable
    const { staff = noStaff, problems = {}, notices, version } = shown
    const entries = staffOf(study)
    const ids = entries.map(({ practitioner }) => practitioner)
    const names = await findPractitioners(store, registry, ids)
    const colleagues = name === '' ? [] : await findColleagues(store, registry, name)
    const who = {
      name: 'practitioner',
      label: 'Who',
      value: staff.practitioner,
      problem: problems.practitioner,
      choices: colleagues.map(one => ({ value: one.id, label: one.name })),
    }
    const code = {
      name: 'code',
      label: 'Or the code of a colleague of another organization',
      hint: 'They find it on their page of studies, and give it to you',
      autocomplete: 'off',
      optional,
    }
    const others = roleFields(staff, problems)
    return sendChangePage(reply, changeable, {
      title: 'Staff of the study',
      isProblem: notices !== undefined || Object.keys(problems).length > 0,
      notices: html`${notices}${problemList([who, ...others])}`,
      before: html`${listed(changeable, entries, names)}
${mayNameStaff ? finding(changeable, name, { isFound: colleagues.length > 0 }) : whoNames(changeable)}`,
      fields: mayNameStaff
        ? [
            ...(colleagues.length === 0 ? [] : [radioField(who)]),
            field(code),
            ...roleControls(others),
            hiddenName(name),
          ]
        : [],
      button: 'Name them',
      ...(version === undefined ? {} : { version }),
    })
  }

  server.get<OfStudy>(at, { onRequest }, async (request, reply) =>
    send(reply, await studyOf(request, options, 'either'), (queryOf(request).get('name') ?? '').trim().slice(0, 200)),
  )
  server.post<OfStudy>(at, { onRequest }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'mayNameStaff')
    const { body } = request
    const code = typed(body, 'code').trim()
    const staff = typedStaff(body, code === '' ? typed(body, 'practitioner') : code)
    const name = typed(body, 'name')
    const problems = { ...staffProblems(staff), ...whoProblems(staff, changeable) }
    if (Object.keys(problems).length > 0)
      return send(reply.code(422), changeable, name, { staff, problems, version: typed(body, 'version') })
    const outcome = await refusable(() => changing(request, options, changeable, study => withStaff(study, staff)))
    if (outcome.kind === 'refused') {
      const refused = { practitioner: newRecipient }
      return send(reply.code(422), changeable, name, { staff, problems: refused, version: changeable.version })
    }
    return outcome.kind === 'changed'
      ? reply.redirect(`/studies/${changeable.id}/settings/staff`, 303)
      : send(reply.code(409), outcome.now, name, { staff, notices: changedMeanwhile })
  })

  const entryOf = async (request: FastifyRequest<OfEntry>) => {
    const changeable = await studyOf(request, options, 'mayNameStaff')
    const entry = staffOf(changeable.study)[Number(request.params.place)]
    if (entry === undefined || isOwn(entry, changeable)) throw new FhirError('not-found', 'There is no such entry')
    return { changeable, entry }
  }
  const sendEntry = async (
    reply: FastifyReply,
    { changeable, entry }: Awaited<ReturnType<typeof entryOf>>,
    shown: Shown = {},
  ): Promise<FastifyReply> => {
    const { staff = entry, problems = {}, notices, version } = shown
    const names = await findPractitioners(changeable.store, registry, [entry.practitioner])
    const others = roleFields(staff, problems)
    return sendChangePage(reply, changeable, {
      title: names.get(entry.practitioner) ?? unnamed(entry),
      isProblem: notices !== undefined || Object.keys(problems).length > 0,
      notices: html`${notices}${problemList(others)}`,
      fields: [...roleControls(others)],
      ...(version === undefined ? {} : { version }),
      after: html`<h2>Take them out</h2>
<p>They read nothing more by this study, from that moment on. To keep on record that they worked in it, enter a last day instead.</p>
<form method="post" action="${reply.request.url.split('?')[0]}/remove">${formHead(ownToken(reply), changeable)}<button class="btn btn-outline-primary">Take them out</button></form>`,
    })
  }
  server.get<OfEntry>(`${at}/:place`, { onRequest }, async (request, reply) => sendEntry(reply, await entryOf(request)))
  server.post<OfEntry>(`${at}/:place`, { onRequest }, async (request, reply) => {
    const { changeable, entry } = await entryOf(request)
    const staff = typedStaff(request.body, entry.practitioner)
    const problems = staffProblems(staff)
    if (Object.keys(problems).length > 0)
      return sendEntry(
        reply.code(422),
        { changeable, entry },
        { staff, problems, version: typed(request.body, 'version') },
      )
    const outcome = await refusable(() =>
      changing(request, options, changeable, study => withStaff(study, staff, entry)),
    )
    if (outcome.kind === 'refused')
      return sendEntry(reply.code(422), { changeable, entry }, { staff, problems: { until: newRecipient } })
    return outcome.kind === 'changed'
      ? reply.redirect(`/studies/${changeable.id}/settings/staff`, 303)
      : send(reply.code(409), outcome.now, '', { notices: changedMeanwhile })
  })
  server.post<OfEntry>(`${at}/:place/remove`, { onRequest }, async (request, reply) => {
    const { changeable, entry } = await entryOf(request)
    const outcome = await changing(request, options, changeable, study => withoutStaff(study, entry))
    return outcome.kind === 'changed'
      ? reply.redirect(`/studies/${changeable.id}/settings/staff`, 303)
      : send(reply.code(409), outcome.now, '', { notices: changedMeanwhile })
  })
}

const finding = (
  { id }: ChangeableStudy,
  name: string,
  { isFound }: { readonly isFound: boolean },
): Html => html`<h2>Name somebody</h2>
<form method="get" action="/studies/${id}/settings/staff">
${field({ name: 'name', label: 'Find a colleague by a part of their name', value: name, autocomplete: 'off', optional: true })}
<button class="btn btn-outline-primary">Find</button>
</form>
${name !== '' && !isFound && html`<p>None of those whom you may see has this in their name.</p>`}`

const whoNames = ({ study }: ChangeableStudy): Html => {
  const organization = /^Organization\/(.+)$/.exec(study.sponsor?.reference ?? '')?.[1] ?? ''
  return html`<p>A <a href="/organizations/${organization}/people?role=manager">manager of the organization</a> names staff, and so does whoever leads the study. Nobody names themselves.</p>`
}

/** Of what was checked before, the rules refuse one thing more: whom patients have not been asked about. */
const refusable = async <T>(run: () => Promise<T>): Promise<T | { readonly kind: 'refused' }> => {
  try {
    return await run()
  } catch (error) {
    if (error instanceof FhirError && error.status === 422) return { kind: 'refused' }
    throw error
  }
}

const newRecipient =
  'Patients have consented without them, and they work elsewhere: the page of the text says first who receives what is given by it'

const optional = true as const
/** By the code that they gave to whoever has named them. */
const unnamed = ({ practitioner }: StaffEntry): string =>
  `Somebody whose name you may not see, with the code ${practitioner}`

const isOwn = ({ practitioner }: StaffEntry, { caller }: ChangeableStudy): boolean =>
  practitioner === caller.practitioner

const hiddenName = (name: string): Html => html`<input type="hidden" name="name" value="${name}">`

const whoProblems = ({ practitioner }: NewStaff, { study, caller }: ChangeableStudy) => {
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(practitioner))
    return { practitioner: 'Find a colleague and choose them, or enter a code' }
  if (practitioner === caller.practitioner) return { practitioner: 'Others name you: nobody names themselves' }
  const isNamed = staffOf(study).some(one => one.practitioner === practitioner && one.isInForce)
  return isNamed ? { practitioner: 'They work in the study already' } : {}
}

const listed = (
  changeable: ChangeableStudy,
  entries: readonly StaffEntry[],
  names: ReadonlyMap<string, string>,
): Html => {
  if (entries.length === 0) return html`<p>Nobody is named as staff yet.</p>`
  return html`<ul class="list-group mb-4">${entries.map((entry, place) => {
    const name = names.get(entry.practitioner) ?? unnamed(entry)
    const change = isOwn(entry, changeable)
      ? html`<p>Yourself: others change it</p>`
      : changeable.mayNameStaff &&
        html`<p><a href="/studies/${changeable.id}/settings/staff/${place}" aria-label="Change ${name}">Change</a></p>`
    return html`<li class="list-group-item">
<h2 class="fs-5">${name}</h2>
<p>${(staffRoles[entry.role] ?? entry.role).split(':')[0]}, ${entry.from === '' ? '' : `from ${entry.from} `}${entry.until === '' ? 'as long as the study' : `until ${entry.until}`}${!entry.isInForce && ' (not now)'}</p>
${change}
</li>`
  })}</ul>`
}
