import { isOfTime } from '../../access/shared-type.ts'
import { intervalOf } from '../../fhir/date.ts'
import { isTimezone } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Choice } from '../../studies/consent/own-consent.ts'
import { type AskedLine, digestOfShown, givenOf, type StudyAsked } from '../../studies/consent/own-study.ts'
import { box, field, postForm, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { typed } from '../page/typed.ts'
import { boundOf, type Edge, edgeIn, edgeOfDay } from './period-days.ts'

/** The values in the form for one line: `shares` is empty as long as nothing was chosen. */
type LineState = Record<Field, string> & {
  readonly shares: '' | 'yes' | 'no'
  /** The exact values in the Consent, of which the form shows only the day or the minute; they are kept if nobody changes that. */
  readonly given: Readonly<Record<Field, string>>
  readonly problem?: string | undefined
}

type Field = keyof typeof edges
const edges = { from: 'start', until: 'end' } as const satisfies Readonly<Record<string, Edge>>

export type ChoiceState = {
  /** The time zone of the days. */
  readonly timezone: string
  readonly timezoneProblem?: string | undefined
  /** Whether it was sent, and not made from what we know: then only its sender changes it. */
  readonly isTyped: boolean
  readonly lines: ReadonlyMap<string, LineState>
}

/** Nothing is chosen at first. People who come back find what they gave, by the clock of the time zone, or in UTC if that is unknown. */
export const givenState = (study: StudyAsked, asked = ''): ChoiceState => {
  const timezone = isTimezone(asked) ? asked : 'UTC'
  return {
    timezone,
    isTyped: false,
    lines: new Map(
      study.lines.map(line => {
        const given = givenOf(study, line)
        const shares = given === 'partly' ? '' : given !== undefined ? 'yes' : isGiving(study) ? 'no' : ''
        const { from: start = '', until: end = '' } = given === 'partly' ? {} : (given ?? {})
        const [from, until] = [edgeIn(start, edges.from, timezone), edgeIn(end, edges.until, timezone)]
        return [line.name, { shares, from, until, given: { from: start, until: end } }]
      }),
    ),
  }
}

export const emptyState: ChoiceState = { timezone: 'UTC', isTyped: false, lines: new Map() }

const isGiving = ({ consent }: StudyAsked): boolean => consent?.status === 'active'

/** People who share can stop; all others can say no. */
export const declineKey = (asked: StudyAsked) => (isGiving(asked) ? 'choose.stop' : 'choose.decline')

type Typed =
  | { readonly kind: 'chosen'; readonly choices: readonly Choice[]; readonly state: ChoiceState }
  | { readonly kind: 'problems'; readonly state: ChoiceState; readonly isNothing: boolean }

/** Who fills in the form: the person themselves, or staff, who enter what somebody chose on paper. */
type Filling = 'choose' | 'paper'

/** `signedOn`: the day on a paper that staff record; without another day, data is given from then on. */
export const typedChoices = (body: unknown, { lines }: StudyAsked, { say }: Words, signedOn?: string): Typed => {
  const filling: Filling = signedOn === undefined ? 'choose' : 'paper'
  const timezone = typed(body, 'timezone').trim() || 'UTC'
  const read = lines.map(line => [line, typedLine(body, line)] as const)
  const isOfDays = read.some(([, { shares, from, until }]) => shares === 'yes' && `${from}${until}` !== '')
  const isUnknown = (isOfDays || filling === 'paper') && !isTimezone(timezone)
  const since = isUnknown || signedOn === undefined ? undefined : edgeOfDay(signedOn, 'start', timezone)
  const told = read.map(([line, state]) => {
    const choice = isUnknown ? undefined : choiceOf(line, state, timezone, since)
    const problem = state.shares === '' ? 'missing' : isUnknown ? problemAnywhere(state) : problemOf(choice, filling)
    if (problem === undefined) return { choice, name: line.name, state }
    const key = problem === 'missing' ? (`${filling}.missing` as const) : (`choose.${problem}` as const)
    return { choice, name: line.name, state: { ...state, problem: say(key, { what: line.what }) } }
  })
  const state: ChoiceState = {
    timezone,
    timezoneProblem: isUnknown ? say('choose.timezone-wrong') : undefined,
    isTyped: true,
    lines: new Map(told.map(({ name, state }) => [name, state])),
  }
  const isNothing = told.every(({ state: { shares } }) => shares === 'no')
  if (isNothing || hasProblem(state)) return { kind: 'problems', state, isNothing }
  return { kind: 'chosen', state, choices: told.flatMap(({ choice }) => choice ?? []) }
}

export const hasProblem = ({ timezoneProblem, lines }: ChoiceState): boolean =>
  timezoneProblem !== undefined || [...lines.values()].some(({ problem }) => problem !== undefined)

const typedLine = (body: unknown, { name, kind }: AskedLine): LineState => {
  const shares = typed(body, name)
  const text = (field: string) => (isOfTime(kind) ? typed(body, `${name}-${field}`).trim() : '')
  return {
    shares: shares === 'yes' || shares === 'no' ? shares : '',
    from: text('from'),
    until: text('until'),
    given: { from: text('given-from'), until: text('given-until') },
  }
}

/** Undefined if what was typed is no day. Days of lines that are not shared, and their time zone, are not checked. */
const choiceOf = (line: AskedLine, state: LineState, timezone: string, since = ''): Choice | undefined => {
  const shares = state.shares === 'yes'
  if (!shares) return { line, shares, from: '', until: '' }
  const [from, until] = [edgeTyped(state, 'from', timezone), edgeTyped(state, 'until', timezone)]
  return from === undefined || until === undefined ? undefined : { line, shares, from: from || since, until }
}

const edgeTyped = ({ given, ...state }: LineState, field: Field, timezone: string): string | undefined => {
  const [text, before] = [state[field], given[field]]
  if (text === '') return ''
  const isKept = intervalOf(before) !== undefined && text === edgeIn(before, edges[field], timezone)
  return isKept ? before : edgeOfDay(text, edges[field], timezone)
}

/** The same in all time zones. Values that are unchanged are not checked. */
const problemAnywhere = ({ shares, given, ...state }: LineState): 'date' | undefined => {
  const isWrong = (field: Field) =>
    given[field] === '' && state[field] !== '' && edgeOfDay(state[field], edges[field], 'UTC') === undefined
  return shares === 'yes' && (isWrong('from') || isWrong('until')) ? 'date' : undefined
}

/** A consent that would share nothing is refused: nobody wants that. */
const problemOf = (choice: Choice | undefined, filling: Filling): 'date' | 'order' | 'past' | undefined => {
  if (choice === undefined) return 'date'
  const { from, until } = choice
  const end = until === '' ? undefined : boundOf(until, 'end')
  if (end === undefined) return undefined
  if (from === '') return filling === 'choose' && end <= Date.now() ? 'past' : undefined
  return end <= (boundOf(from, 'start') ?? end) ? 'order' : undefined
}

/** Saying no is beside going on, and looks the same. */
export const choiceForm = (
  asked: StudyAsked,
  state: ChoiceState,
  words: Words,
  { token, isNothing, name }: { readonly token: string; readonly isNothing: boolean; readonly name: string },
): Html => {
  const { study, lines } = asked
  const { say } = words
  const page = `/sharing/${study.id}`
  const problems = choiceProblems(lines, state)
  const nothing = isNothing ? [{ name: 'choices', problem: say('choose.nothing') }] : []
  return html`${problemList([...nothing, ...problems], say('check'))}
${postForm(
  {
    action: page,
    token,
    hidden: { shown: digestOfShown(asked), hash: asked.text?.hash, name: name || undefined },
    id: 'choices',
    isTyped: state.isTyped,
    novalidate: true,
  },
  html`${choiceFields(lines, state, words)}
<div class="d-flex flex-wrap gap-3 mt-4">
<button class="btn btn-primary">${say('choose.go-on')}</button>
<button formaction="${page}/decline" class="btn btn-primary">${say(declineKey(asked))}</button>
</div>`,
)}`
}

export const choiceProblems = (lines: StudyAsked['lines'], state: ChoiceState) => [
  ...lines.map(({ name }) => ({ name: `${name}-yes`, problem: state.lines.get(name)?.problem })),
  { name: 'timezone', problem: state.timezoneProblem },
]

/** The part of a form with all lines: whether each is shared, from when and until when, and the time zone of the days. */
export const choiceFields = (
  lines: StudyAsked['lines'],
  state: ChoiceState,
  words: Words,
  filling: Filling = 'choose',
): readonly Html[] => {
  const { say } = words
  const { timezone, timezoneProblem } = state
  const fieldsets = lines.map(line => lineFields(line, state.lines.get(line.name), words, filling))
  if (!lines.some(({ kind }) => isOfTime(kind))) return fieldsets
  const hints = [
    say('choose.days-hint'),
    ...([...state.lines.values()].some(hasMoment) ? [say('choose.moment-hint')] : []),
  ]
  return [
    html`<p>${hints.join(' ')}</p>`,
    ...fieldsets,
    field({
      name: 'timezone',
      label: say('chart.timezone'),
      hint: say('choose.timezone-hint'),
      value: timezone,
      problem: timezoneProblem,
      autocomplete: putBack,
      optional: true,
    }),
  ]
}

/**
 * With `off` a browser that goes back puts back the radio buttons and not the days: what was to end would go on. https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill
 */
const putBack = 'on'

const hasMoment = ({ from, until }: LineState): boolean => from.includes(':') || until.includes(':')

const lineFields = (
  { name, what, kind }: AskedLine,
  state: LineState | undefined,
  words: Words,
  filling: Filling,
): Html => {
  const { say } = words
  const problem = state?.problem
  const radio = (value: 'yes' | 'no', label: string) =>
    box({ type: 'radio', id: `${name}-${value}`, name, value, isChosen: state?.shares === value, label })
  const dayField = (one: Field): Html => {
    const [value, before] = [state?.[one] ?? '', state?.given[one] ?? '']
    const hint = say(`${filling}.${one}-hint`)
    const label = say(`choose.${one}`)
    return html`${before !== '' && html`<input type="hidden" name="${name}-given-${one}" value="${before}">`}
${field({ name: `${name}-${one}`, label, hint, value, autocomplete: putBack, optional: true })}`
  }
  return html`<fieldset class="field${problem && ' wrong'}">
<legend class="fs-5 fw-semibold">${what}</legend>
${problem && html`<p class="invalid-feedback d-block">${problem}</p>`}
${radio('yes', say(`${filling}.share`))}
${radio('no', say(`${filling}.not`))}
${isOfTime(kind) && html`<div class="columns pair mt-2">${dayField('from')}${dayField('until')}</div>`}
</fieldset>`
}

/** The same choices in hidden fields, for the form that signs them. */
export const hiddenChoices = ({ timezone, lines }: ChoiceState): Readonly<Record<string, string>> =>
  Object.fromEntries([
    ['timezone', timezone],
    ...[...lines].flatMap(([name, { shares, from, until, given }]) => [
      [name, shares],
      [`${name}-from`, from],
      [`${name}-until`, until],
      ...(given.from === '' ? [] : [[`${name}-given-from`, given.from]]),
      ...(given.until === '' ? [] : [[`${name}-given-until`, given.until]]),
    ]),
  ])
