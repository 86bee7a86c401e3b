import type { FastifyReply } from 'fastify'
import { dayInWords } from '../../studies/definition/period-day.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { sponsorOf } from '../../studies/definition/study-sponsor.ts'
import {
  findPractitioners,
  findPractitionersNamed,
  type NewStaff,
  type StaffEntry,
  staffOf,
  type staffProblems,
  staffRoles,
} from '../../studies/definition/study-staff.ts'
import type { PageOptions } from '../page/add-page.ts'
import { radioField } from '../page/choice-field.ts'
import { field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { noStaff, roleControls, roleFields } from './staff-fields.ts'
import { sendChangePage } from './study-changing.ts'

/** What was typed, and what is said about it. */
export type ShownStaff = {
  readonly staff?: NewStaff
  /** The code that was typed for somebody elsewhere. */
  readonly code?: string
  readonly problems?: ReturnType<typeof staffProblems>
  readonly notices?: Html
  readonly done?: Html | undefined
}

/** All who work in the study, and a form to add another, for those who may; `name`: a part of the name by which that person is found. */
export const sendStaffList = async (
  { registry }: PageOptions,
  reply: FastifyReply,
  changeable: ChangeableStudy,
  name: string,
  shown: ShownStaff,
): Promise<FastifyReply> => {
  const { study, store, mayNameStaff } = changeable
  const { staff = noStaff, problems = {}, notices, done } = shown
  const entries = staffOf(study)
  const ids = entries.map(({ practitioner }) => practitioner)
  const names = await findPractitioners(store, registry, ids)
  const found = name === '' ? [] : await findPractitionersNamed(store, registry, name)
  const colleagues = found.filter(({ id }) => id !== changeable.caller.practitioner)
  const { who, code } = whoFields(shown, colleagues)
  const others = roleFields(staff, problems)
  const fields = [...(colleagues.length === 0 ? [] : [radioField(who)]), field(code), ...roleControls(others)]
  return sendChangePage(reply, changeable, {
    title: 'Staff of the study',
    action: staffAddress(changeable),
    notices: html`${done}${notices}${problemList([who, code, ...others])}`,
    before: html`${listed(changeable, entries, names)}
${mayNameStaff ? finding(changeable, name, { isFound: colleagues.length > 0, isNamed: entries.some(entry => isOwn(entry, changeable)) }) : whoNames(changeable)}`,
    fields: mayNameStaff ? [...fields, html`<input type="hidden" name="name" value="${name}">`] : [],
    button: 'Add to the staff',
  })
}

export const staffAddress = ({ id }: ChangeableStudy): string => `/studies/${id}/settings/staff`

type Colleagues = Awaited<ReturnType<typeof findPractitionersNamed>>

/** Says whose entry is meant: once one is removed, its position is that of somebody else. */
export const entryAddress = (changeable: ChangeableStudy, place: number, entry: Meant): string =>
  `${staffAddress(changeable)}/${place}?${new URLSearchParams({ entry: entryText(entry) })}`

export type Meant = Pick<StaffEntry, 'practitioner' | 'from'>

export const entryText = ({ practitioner, from }: Meant): string => `${practitioner} ${from}`

/** People are found by name, or by a code. Problems about who it is are shown where they were entered. */
const whoFields = ({ staff = noStaff, code = '', problems = {} }: ShownStaff, colleagues: Colleagues) => {
  const isByCode = code !== '' || colleagues.length === 0
  return {
    who: {
      name: 'practitioner',
      label: 'Colleague',
      value: staff.practitioner,
      problem: isByCode ? undefined : problems.practitioner,
      choices: colleagues.map(one => ({ value: one.id, label: one.name })),
    },
    code: {
      name: 'code',
      label: 'Or the code of a colleague of another organization',
      hint: 'They find it on their Studies page, and give it to you',
      value: code,
      problem: isByCode ? problems.practitioner : undefined,
      autocomplete: 'off',
      optional: true,
    },
  } as const
}

const listed = (
  changeable: ChangeableStudy,
  entries: readonly StaffEntry[],
  names: ReadonlyMap<string, string>,
): Html => {
  if (entries.length === 0) return html`<p>There is no staff yet.</p>`
  return html`<ul class="list-group mb-4">${entries.map((entry, place) => {
    const name = names.get(entry.practitioner) ?? codeText(entry.practitioner)
    const mayBeMistyped = changeable.mayNameStaff && !names.has(entry.practitioner)
    const change = isOwn(entry, changeable)
      ? html`<p>This is you: only others can change it</p>`
      : changeable.mayNameStaff &&
        html`<p><a href="${entryAddress(changeable, place, entry)}" aria-label="Change ${name}">Change</a></p>`
    return html`<li class="list-group-item">
<h2 class="fs-5">${name}</h2>
<p>${(staffRoles[entry.role] ?? entry.role).split(':')[0]}, ${entry.from === '' ? '' : `from ${dayInWords(entry.from)} `}${entry.until === '' ? 'as long as the study' : `until ${dayInWords(entry.until)}`}${!entry.isInForce && ' (not now)'}</p>
${mayBeMistyped && html`<p>You may not see whose code this is, or it is nobody's. If it was mistyped, remove it, and enter the code shown on their own Studies page.</p>`}
${change}
</li>`
  })}</ul>`
}

/** The code that was entered, whether it is somebody hidden or nobody. */
export const codeText = (practitioner: string): string => `Code ${practitioner}`

export const isOwn = ({ practitioner }: Pick<StaffEntry, 'practitioner'>, { caller }: ChangeableStudy): boolean =>
  practitioner === caller.practitioner

/** Whoever makes a study looks for themselves first. */
const finding = (
  changeable: ChangeableStudy,
  name: string,
  { isFound, isNamed }: { readonly isFound: boolean; readonly isNamed: boolean },
): Html => html`<h2>Add somebody</h2>
${!isNamed && html`<p>Nobody can add themselves. If you work in the study too, another manager of its organization can add you, or whoever you name as its investigator.</p>`}
<form method="get" action="${staffAddress(changeable)}">
${field({ name: 'name', label: 'Find a colleague by part of their name', value: name, autocomplete: 'off', optional: true })}
<button class="btn btn-outline-primary">Find</button>
</form>
${name !== '' && !isFound && html`<p>Nobody else that you can see has this in their name.</p>`}`

const whoNames = ({ study }: ChangeableStudy): Html => {
  const organization = sponsorOf(study) ?? ''
  return html`<p>A <a href="/organizations/${organization}/people?role=manager">manager of the organization</a> can add staff, and so can whoever leads the study. Nobody can add themselves.</p>`
}
