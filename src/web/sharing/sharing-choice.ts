import { isOfTime } from '../../access/shared-type.ts'
import { intervalOf } from '../../fhir/date.ts'
import { isTimezone } from '../../fhir/timezone.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { givenOf } from '../../studies/consent/given-time.ts'
import type { Choice } from '../../studies/consent/own-consent.ts'
import type { AskedLine, StudyAsked } from '../../studies/consent/own-study.ts'
import { typed } from '../page/typed.ts'
import { dayIn } from '../page/typed-day.ts'
import { boundOf, type Edge, edgeIn, edgeOfDay } from './period-days.ts'

/** The values in the form for one line: `shares` is empty as long as nothing was chosen. */
export type LineState = Record<DayField, string> & {
  readonly shares: '' | 'yes' | 'no'
  /** The exact values in the Consent, of which the form shows only the day or the minute; they are kept if nobody changes that. */
  readonly given: Readonly<Record<DayField, string>>
  readonly problem?: string | undefined
  /** The days with which that is, rather than with the choice. */
  readonly wrong?: readonly DayField[]
}

export type DayField = keyof typeof edges
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
export type Filling = 'choose' | 'paper'

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
    const found = problemOf({ state, choice, timezone: isUnknown ? undefined : timezone }, filling)
    if (found === undefined) return { choice, name: line.name, state }
    const { key, wrong } = found
    return { choice, name: line.name, state: { ...state, problem: say(key, { what: line.what }), wrong } }
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

const edgeTyped = ({ given, ...state }: LineState, field: DayField, timezone: string): string | undefined => {
  const [text, before] = [state[field], given[field]]
  if (text === '') return ''
  const isKept = intervalOf(before) !== undefined && text === edgeIn(before, edges[field], timezone)
  return isKept ? before : edgeOfDay(dayIn(text), edges[field], timezone)
}

type Read = {
  readonly state: LineState
  readonly choice: Choice | undefined
  /** Undefined if it is none. */
  readonly timezone: string | undefined
}

type Problem = { readonly key: Key; readonly wrong: readonly DayField[] }

/** What is wrong with a line, and with which of its days. */
const problemOf = ({ state, choice, timezone }: Read, filling: Filling): Problem | undefined => {
  if (state.shares === '') return { key: `${filling}.missing`, wrong: [] }
  const wrong = state.shares === 'yes' ? noDays(state, timezone) : []
  if (wrong.length > 0) return { key: 'choose.date', wrong }
  const key = choice && sharesNothing(choice, filling)
  return key && { key, wrong: ['until'] }
}

/** If the time zone is unknown, what is a day in none. Values that are unchanged are not checked then. */
const noDays = (state: LineState, timezone: string | undefined): readonly DayField[] =>
  (['from', 'until'] as const).filter(
    field =>
      (timezone !== undefined || state.given[field] === '') && edgeTyped(state, field, timezone ?? 'UTC') === undefined,
  )

/** A consent that would share nothing is refused: nobody wants that. */
const sharesNothing = ({ from, until }: Choice, filling: Filling): 'choose.order' | 'choose.past' | undefined => {
  const end = until === '' ? undefined : boundOf(until, 'end')
  if (end === undefined) return undefined
  if (from === '') return filling === 'choose' && end <= Date.now() ? 'choose.past' : undefined
  return end <= (boundOf(from, 'start') ?? end) ? 'choose.order' : undefined
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
