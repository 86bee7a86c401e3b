export type Leave = () => void

/** `returning`: those who have begun already, and go before those who have not. */
type Place = 'returning' | 'waiting'

export type FairTurns = {
  /** Calls `begin` once the caller has a turn, which lasts until `leave` is called. */
  readonly enter: (key: string, begin: (leave: Leave) => void, place?: Place) => void
  /** Counts one more of a caller who works as something that waits without a turn; undefined if enough do. What it answers ends that. */
  readonly stepOut: (key: string) => Leave | undefined
}

type Begin = (leave: Leave) => void
type Turn = { readonly since: number }
type Line = { readonly key: string; readonly turns: Set<Turn>; outside: number } & Readonly<Record<Place, Begin[]>>

/**
 * Divides so many connections among callers: nobody has more than four fifths of them, and the last fifth is for callers who have none. A connection that
 * is working cannot be taken back, so whoever has kept some for long owes that time, which takes ten times as long to be paid back. Whoever owes much, or
 * has not had a short turn yet, has only some, unless they come alone again, and all who owe share a third. Of those who wait, whoever has the fewest comes
 * first, and then whoever had one longest ago.
 */
export const openFairTurns = (connections: number, now = () => performance.now()): FairTurns => {
  const most = Math.max(1, Math.floor((connections * 4) / 5))
  const mostOwing = Math.max(1, Math.floor(connections / 3))
  const mostOfSome = Math.ceil(mostOwing / 2)
  const lines = new Map<string, Line>()
  const debts = openDebts(now)
  const company = openCompany(now)
  /** Of callers who have had one, whether their last turn was short. */
  const wasShort = new Map<string, boolean>()
  let working = 0
  const owes = ({ key, turns }: Line): boolean => debts.of(key, turns) > mostDebtMs
  const isAlone = ({ key }: Line): boolean => lines.size === 1 && wasShort.has(key) && company.isAlone(key)
  const mostOf = (line: Line): number =>
    isAlone(line) || (wasShort.get(line.key) === true && !owes(line)) ? most : mostOfSome
  const mayBegin = (line: Line): boolean => {
    const own = line.turns.size
    if (line.returning.length > 0) return own < most
    if (own >= mostOf(line) || working >= (own === 0 ? connections : most)) return false
    return !owes(line) || isAlone(line) || turnsOfOwing() < mostOwing
  }
  const turnsOfOwing = () =>
    lines
      .values()
      .filter(owes)
      .reduce((sum, { turns }) => sum + turns.size, 0)
  const serve = (line: Line) => {
    const begin = line.returning.shift() ?? line.waiting.shift()
    if (begin === undefined) return
    const turn = { since: now() }
    line.turns.add(turn)
    working++
    company.saw(line.key)
    begin(() => end(line, turn))
  }
  const next = (): Line | undefined => {
    let first: Line | undefined
    for (const line of lines.values())
      if (hasWaiting(line) && line.turns.size < (first?.turns.size ?? Number.POSITIVE_INFINITY) && mayBegin(line))
        first = line
    return first
  }
  const end = (line: Line, turn: Turn) => {
    line.turns.delete(turn)
    working--
    debts.add(line.key, turn)
    wasShort.delete(line.key)
    wasShort.set(line.key, now() - turn.since <= freeMs)
    const [oldest] = wasShort.keys()
    if (wasShort.size > mostKept && oldest !== undefined) wasShort.delete(oldest)
    lines.delete(line.key)
    // Behind the others, in the order of the map.
    if (!isIdle(line)) lines.set(line.key, line)
    for (let line = next(); line !== undefined; line = next()) serve(line)
  }
  return {
    enter: (key, begin, place = 'waiting') => {
      const line = lines.get(key) ?? { key, turns: new Set(), outside: 0, returning: [], waiting: [] }
      lines.set(key, line)
      company.saw(key)
      line[place].push(begin)
      if (mayBegin(line)) serve(line)
    },
    stepOut: key => {
      const line = lines.get(key)
      if (line === undefined || line.outside === most * mostOutside) return undefined
      line.outside++
      return () => {
        line.outside--
        if (isIdle(line)) lines.delete(key)
      }
    },
  }
}

const isIdle = (line: Line): boolean => line.turns.size === 0 && line.outside === 0 && !hasWaiting(line)

const hasWaiting = ({ returning, waiting }: Line): boolean => returning.length > 0 || waiting.length > 0

/** So many requests may wait outside for each turn that a caller may have. Their answers are in memory, and it may be a while until they are recorded. */
const mostOutside = 3

/** What callers owe of the time for which they have kept turns, beyond what each may last. */
const openDebts = (now: () => number) => {
  const kept = new Map<string, { readonly ms: number; readonly at: number }>()
  const left = (key: string): number => {
    const debt = kept.get(key)
    return debt === undefined ? 0 : Math.max(0, debt.ms - (now() - debt.at) / paidBackIn)
  }
  const beyond = ({ since }: Turn): number => Math.max(0, now() - since - freeMs)
  return {
    of: (key: string, turns: ReadonlySet<Turn>): number =>
      turns.values().reduce((sum, turn) => sum + beyond(turn), left(key)),
    add: (key: string, turn: Turn) => {
      const ms = Math.min(longestDebtMs, left(key) + beyond(turn))
      kept.delete(key)
      if (ms > 0) kept.set(key, { ms, at: now() })
      const [oldest] = kept.keys()
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest)
    },
  }
}

/** Who has come lately. */
const openCompany = (now: () => number) => {
  let last = { key: '', at: Number.NEGATIVE_INFINITY }
  let other = last
  return {
    saw: (key: string) => {
      if (key !== last.key) other = last
      last = { key, at: now() }
    },
    isAlone: (key: string): boolean => now() - (key === last.key ? other : last).at > aloneMs,
  }
}

/** So long after anybody else has come, a caller is alone. */
const aloneMs = 10_000

/** What a turn may last. */
const freeMs = 1000
/** What anybody may owe: one slow search now and then holds up nobody. */
const mostDebtMs = 3000
const paidBackIn = 10
const longestDebtMs = 60_000
/** Callers of whom something is remembered. */
const mostKept = 10_000
