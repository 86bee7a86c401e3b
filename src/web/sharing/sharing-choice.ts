import { isOfTime } from '../../access/shared-type.ts'
import { intervalOf } from '../../fhir/date.ts'
import { isTimezone } from '../../fhir/timezone.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { givenOf, narrowedTo } from '../../studies/consent/given-time.ts'
import type { Choice } from '../../studies/consent/own-consent.ts'
import type { AskedLine, StudyAsked } from '../../studies/consent/own-study.ts'
import type { SharedTime } from '../../studies/consent/shared-line.ts'
import { typed } from '../page/typed.ts'
import { dayIn } from '../page/typed-day.ts'
import { boundOf, type Edge, edgeAsked, edgeIn, edgeOfDay } from './period-days.ts'

/** The values in the form for one line: `shares` is empty as long as nothing was chosen, and `some` if only `sources` are. */
export type LineState = Record<DayField, string> & {
  readonly shares: '' | 'yes' | 'some' | 'no'
  /** Ids of those that are ticked. */
  readonly sources: readonly string[]
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
export const givenState = (study: Giving, asked = ''): ChoiceState => {
  const timezone = isTimezone(asked) ? asked : 'UTC'
  return {
    timezone,
    isTyped: false,
    lines: new Map(
      study.lines.map(line => {
        const { shares, sources, time = {} } = givenChoice(study, line)
        const { from: start = '', until: end = '' } = time
        const [from, until] = [edgeIn(start, edges.from, timezone), edgeIn(end, edges.until, timezone)]
        return [line.name, { shares, sources, from, until, given: { from: start, until: end } }]
      }),
    ),
  }
}

const givenChoice = (study: Giving, line: AskedLine): Given => {
  const given = givenOf(study, line)
  if (given === undefined) return { shares: isGiving(study) ? 'no' : '', sources: [] }
  if (given !== 'partly') return { shares: 'yes', sources: [], time: given }
  const narrowed = narrowedTo(study, line)
  return narrowed === undefined ? { shares: '', sources: [] } : { shares: 'some', ...narrowed }
}

type Giving = Pick<StudyAsked, 'lines' | 'sharings' | 'consent'>

type Given = Pick<LineState, 'shares' | 'sources'> & { readonly time?: Partial<SharedTime> }

export const emptyState: ChoiceState = { timezone: 'UTC', isTyped: false, lines: new Map() }

const isGiving = ({ consent }: Pick<StudyAsked, 'consent'>): boolean => consent?.status === 'active'

/** People who share can stop; all others can say no. */
export const declineKey = (asked: StudyAsked) => (isGiving(asked) ? 'choose.stop' : 'choose.decline')

type Typed =
  | { readonly kind: 'chosen'; readonly choices: readonly Choice[]; readonly state: ChoiceState }
  | { readonly kind: 'problems'; readonly state: ChoiceState; readonly isNothing: boolean }

/** Who fills in the form: the person themselves, or staff, who enter what somebody chose on paper. */
export type Filling = 'choose' | 'paper'

/** `signedOn`: the day on a paper that staff record; without another day, data is given from then on. */
export const typedChoices = (body: unknown, asked: Giving, words: Words, signedOn?: string): Typed => {
  const { say } = words
  const filling: Filling = signedOn === undefined ? 'choose' : 'paper'
  const timezone = typed(body, 'timezone').trim() || 'UTC'
  const read = asked.lines.map(line => [line, typedLine(body, line)] as const)
  const isOfDays = read.some(([, state]) => isShared(state) && `${state.from}${state.until}` !== '')
  const isUnknown = (isOfDays || filling === 'paper') && !isTimezone(timezone)
  const since = isUnknown || signedOn === undefined ? undefined : edgeOfDay(signedOn, 'start', timezone)
  const told = read.map(([line, state]) => {
    const choices = isUnknown ? [] : choicesOf(line, state, { words, timezone, since })
    const before = filling === 'choose' ? givenChoice(asked, line).sources : []
    const found = problemOf({ state, choices, before, timezone: isUnknown ? undefined : timezone }, filling)
    if (found === undefined) return { choices, name: line.name, state }
    const { key, wrong } = found
    return {
      choices,
      name: line.name,
      state: { ...state, problem: say(key, { what: line.what, kind: line.kindName }), wrong },
    }
  })
  const state: ChoiceState = {
    timezone,
    timezoneProblem: isUnknown ? say('choose.timezone-wrong') : undefined,
    isTyped: true,
    lines: new Map(told.map(({ name, state }) => [name, state])),
  }
  const isNothing = told.every(({ state: { shares, problem } }) => shares === 'no' && problem === undefined)
  if (isNothing || hasProblem(state)) return { kind: 'problems', state, isNothing }
  return { kind: 'chosen', state, choices: told.flatMap(({ choices }) => choices) }
}

export const hasProblem = ({ timezoneProblem, lines }: ChoiceState): boolean =>
  timezoneProblem !== undefined || [...lines.values()].some(({ problem }) => problem !== undefined)

/** In the form, one of its sources. */
export const sourceField = (line: Pick<AskedLine, 'name'>, source: string): string => `${line.name}-of-${source}`

const isShared = ({ shares }: LineState): boolean => shares === 'yes' || shares === 'some'

const typedLine = (body: unknown, line: AskedLine): LineState => {
  const { name, kind } = line
  const shares = sharesValues.find(one => one === typed(body, name)) ?? ''
  const text = (field: string) => (isOfTime(kind) ? typed(body, `${name}-${field}`).trim() : '')
  return {
    shares: shares === 'some' && line.sources.length === 0 ? '' : shares,
    sources: line.sources.flatMap(({ id }) => (typed(body, sourceField(line, id)) === 'yes' ? id : [])),
    from: text('from'),
    until: text('until'),
    given: { from: text('given-from'), until: text('given-until') },
  }
}

const sharesValues = ['yes', 'some', 'no'] as const

type Reading = { readonly words: Words; readonly timezone: string; readonly since: string | undefined }

/** None if what was typed is no day. Days of lines that are not shared, and their time zone, are not checked. */
const choicesOf = (line: AskedLine, state: LineState, { words, timezone, since = '' }: Reading): readonly Choice[] => {
  if (!isShared(state)) return [{ line, shares: false, from: '', until: '' }]
  const [from, until] = [edgeTyped(state, 'from', timezone), edgeTyped(state, 'until', timezone)]
  if (from === undefined || until === undefined) return []
  const chosen = state.shares === 'yes' ? [line] : narrowed(line, state, words)
  return chosen.map(one => ({ line: one, shares: true, from: from || since, until }))
}

/** A line for each source that is ticked. */
const narrowed = (line: AskedLine, { sources }: LineState, words: Words): readonly AskedLine[] =>
  line.sources
    .filter(({ id }) => sources.includes(id))
    .map(({ id, name: device }) => ({
      ...line,
      name: sourceField(line, id),
      source: id,
      sources: [],
      what: words.say('choose.device', { kind: line.kindName, device }),
    }))

const edgeTyped = ({ given, ...state }: LineState, field: DayField, timezone: string): string | undefined => {
  const [text, before] = [state[field], given[field]]
  if (text === '') return ''
  const isKept = intervalOf(before) !== undefined && edgeAsked(text) === edgeIn(before, edges[field], timezone)
  return isKept ? before : edgeOfDay(dayIn(text), edges[field], timezone)
}

type Read = {
  readonly state: LineState
  readonly choices: readonly Choice[]
  /** The sources that were ticked when the form was first shown. */
  readonly before: readonly string[]
  /** Undefined if it is none. */
  readonly timezone: string | undefined
}

type Problem = { readonly key: Key; readonly wrong: readonly DayField[] }

/** What is wrong with a line, and with which of its days. */
const problemOf = ({ state, choices: [choice], before, timezone }: Read, filling: Filling): Problem | undefined => {
  const unclear = unclearChoice(state, before)
  if (unclear !== undefined) return { key: `${filling}.${unclear}`, wrong: [] }
  const wrong = isShared(state) ? noDays(state, timezone) : []
  if (wrong.length > 0) return { key: 'choose.date', wrong }
  const key = choice && sharesNothing(choice, filling)
  return key && { key, wrong: ['until'] }
}

/** Nothing is ticked against an answer; but whoever stops sharing need not untick what they gave. */
const unclearChoice = (
  { shares, sources }: LineState,
  before: readonly string[],
): 'missing' | 'no-device' | 'any-or-some' | 'none-or-some' | undefined => {
  switch (shares) {
    case '':
      return 'missing'
    case 'some':
      return sources.length === 0 ? 'no-device' : undefined
    case 'yes':
      return sources.length > 0 ? 'any-or-some' : undefined
    case 'no':
      return sources.some(id => !before.includes(id)) ? 'none-or-some' : undefined
  }
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
    ...[...lines].flatMap(([name, { shares, sources, from, until, given }]) => [
      [name, shares],
      ...sources.map(source => [sourceField({ name }, source), 'yes']),
      [`${name}-from`, from],
      [`${name}-until`, until],
      ...(given.from === '' ? [] : [[`${name}-given-from`, given.from]]),
      ...(given.until === '' ? [] : [[`${name}-given-until`, given.until]]),
    ]),
  ])
