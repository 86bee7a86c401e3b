import { isDay } from '../fhir/date.ts'
import type { Words } from '../messages/catalogue.ts'
import type { Choice } from '../studies/own-consent.ts'
import { digestOfShown, givenOf, type StudyAsked } from '../studies/own-study.ts'
import { box, field, problemList, typed } from './form.ts'
import { type Html, html } from './html.ts'

/** What stands in the form for one line: `shares` is empty as long as nothing was chosen. */
type LineState = {
  readonly shares: '' | 'yes' | 'no'
  readonly from: string
  readonly until: string
  readonly problem?: string
}

export type ChoiceState = ReadonlyMap<string, LineState>

/** Nothing is chosen beforehand; whoever comes back finds what they gave. */
export const givenState = (asked: StudyAsked): ChoiceState =>
  new Map(
    asked.lines.map(line => {
      const given = givenOf(asked, line)
      const shares = given === 'partly' ? '' : given !== undefined ? 'yes' : isGiving(asked) ? 'no' : ''
      const { from: start = '', until: end = '' } = given === 'partly' ? {} : (given ?? {})
      return [line.name, { shares, from: start.slice(0, 10), until: end.slice(0, 10) }]
    }),
  )

const isGiving = ({ consent }: StudyAsked): boolean => consent?.status === 'active'

type Typed =
  | { readonly kind: 'chosen'; readonly choices: readonly Choice[]; readonly state: ChoiceState }
  | { readonly kind: 'problems'; readonly state: ChoiceState; readonly isNothing: boolean }

/** Who fills in the form: whoever chooses for themselves, or staff, who say what somebody has chosen on paper. */
type Filling = 'choose' | 'paper'

export const typedChoices = (
  body: unknown,
  { lines }: StudyAsked,
  { say }: Words,
  filling: Filling = 'choose',
): Typed => {
  const state: ChoiceState = new Map(
    lines.map(({ name, what }) => {
      const shares = typed(body, name)
      const [from, until] = [typed(body, `${name}-from`).trim(), typed(body, `${name}-until`).trim()]
      const line = { shares: shares === 'yes' || shares === 'no' ? shares : '', from, until } as const
      const problem = problemOf(line)
      if (problem === undefined) return [name, line]
      const told = problem === 'missing' ? (`${filling}.missing` as const) : (`choose.${problem}` as const)
      return [name, { ...line, problem: say(told, { what }) }]
    }),
  )
  const isNothing = [...state.values()].every(({ shares }) => shares === 'no')
  if (isNothing || [...state.values()].some(({ problem }) => problem !== undefined))
    return { kind: 'problems', state, isNothing }
  return {
    kind: 'chosen',
    state,
    choices: lines.flatMap(line => {
      const { shares, from, until } = state.get(line.name) ?? { shares: '', from: '', until: '' }
      return { line, shares: shares === 'yes', from, until }
    }),
  }
}

const problemOf = ({ shares, from, until }: LineState): 'missing' | 'date' | 'order' | undefined => {
  if (shares === '') return 'missing'
  if (shares === 'no') return undefined
  if (![from, until].every(day => day === '' || isDay(day))) return 'date'
  return from !== '' && until !== '' && until < from ? 'order' : undefined
}

/** Saying no stands beside going on, and looks the same. */
export const choiceForm = (
  asked: StudyAsked,
  state: ChoiceState,
  words: Words,
  { token, isNothing = false }: { readonly token: string; readonly isNothing?: boolean },
): Html => {
  const { study, lines } = asked
  const { say } = words
  const page = `/sharing/${study.id}`
  const problems = choiceProblems(lines, state)
  const nothing = isNothing ? [{ name: 'choices', problem: say('choose.nothing') }] : []
  return html`${problemList([...nothing, ...problems], say('check'))}
<form method="post" action="${page}" id="choices" novalidate>
<input type="hidden" name="_csrf" value="${token}">
<input type="hidden" name="shown" value="${digestOfShown(asked)}">
${choiceFields(lines, state, words)}
<div class="d-flex flex-wrap gap-3 mt-4">
<button class="btn btn-primary">${say('choose.go-on')}</button>
<button formaction="${page}/decline" class="btn btn-primary">${say('choose.decline')}</button>
</div>
</form>`
}

export const choiceProblems = (lines: StudyAsked['lines'], state: ChoiceState) =>
  lines.map(({ name }) => ({ name: `${name}-yes`, problem: state.get(name)?.problem }))

/** A part of a form: each line with whether it is shared, from when and until when. */
export const choiceFields = (
  lines: StudyAsked['lines'],
  state: ChoiceState,
  { say }: Words,
  filling: Filling = 'choose',
): readonly Html[] =>
  lines.map(({ name, what }) => {
    const { problem, ...line } = state.get(name) ?? { shares: '', from: '', until: '', problem: undefined }
    const radio = (value: 'yes' | 'no', label: string) =>
      box({ type: 'radio', id: `${name}-${value}`, name, value, isChosen: line.shares === value, label })
    return html`<fieldset class="field${problem && ' wrong'}">
<legend class="fs-5 fw-semibold">${what}</legend>
${problem && html`<p class="invalid-feedback d-block">${problem}</p>`}
${radio('yes', say(`${filling}.share`))}
${radio('no', say(`${filling}.not`))}
<div class="columns mt-2">
${field({ name: `${name}-from`, label: say('choose.from'), hint: say(`${filling}.from-hint`), value: line.from, autocomplete: 'off', optional: true })}
${field({ name: `${name}-until`, label: say('choose.until'), hint: say(`${filling}.until-hint`), value: line.until, autocomplete: 'off', optional: true })}
</div>
</fieldset>`
  })

/** The same choices, unseen, for the form that signs them. */
export const hiddenChoices = (choices: readonly Choice[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    choices.flatMap(({ line: { name }, shares, from, until }) => [
      [name, shares ? 'yes' : 'no'],
      [`${name}-from`, from],
      [`${name}-until`, until],
    ]),
  )
