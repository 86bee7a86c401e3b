import { LRUCache } from 'lru-cache'
import { type Expected, openPastTurns } from './past-turns.ts'

/** `isUnused`: that nothing was done in the turn, so that its time says nothing. */
export type Leave = (left?: { readonly isUnused: boolean }) => void

/** `returning`: those who have begun already, and go before those who have not. */
type Place = 'returning' | 'waiting'

/**
 * `like`: what questions have in common that take about as long. `isRest`: whether it is of something that had another turn before, as answering what was
 * found in that: how short it is says nothing.
 */
type Asked = { readonly place?: Place; readonly like: string; readonly isRest?: boolean }

export type FairTurns = {
  /** Calls `begin` once the caller has a turn, which lasts until `leave` is called. */
  readonly enter: (key: string, begin: (leave: Leave) => void, asked: Asked) => void
  /** Counts one more of a caller who works as something that waits without a turn; undefined if enough do. What it answers ends that. */
  readonly stepOut: (key: string) => (() => void) | undefined
}

type Kind = Required<Omit<Asked, 'place'>>
type Waiting = Kind & { readonly begin: (leave: Leave) => void }
type Turn = Kind & { readonly since: number; expected: Expected }
type Line = { readonly key: string; readonly turns: Set<Turn>; outside: number } & Readonly<Record<Place, Waiting[]>>

/**
 * Divides so many connections among callers: nobody has more than four fifths of them, and the last fifth is for callers who have none. A connection that
 * is working cannot be taken back, so whoever has kept some for long owes that time, which takes ten times as long to be paid back. Whoever owes much has
 * only some, and so has anybody for turns that are not expected to be short, unless they come alone again, and all who owe share a third. All turns that are
 * not expected to be short share three fifths, and four fifths together with those that are only likely to be: some are left for whoever is known to keep
 * none. Of those who wait, whoever has the fewest comes first, and then whoever had one longest ago.
 */
export const openFairTurns = (connections: number, now = () => performance.now()): FairTurns => {
  const most = Math.max(1, Math.floor((connections * 4) / 5))
  const mostOwing = Math.max(1, Math.floor(connections / 3))
  const mostOfSome = Math.ceil(mostOwing / 2)
  const mostUnknown = Math.max(1, Math.floor((connections * 3) / 5))
  const lines = new Map<string, Line>()
  const debts = openDebts(now)
  const company = openCompany(now)
  const past = openPastTurns(now)
  /** All turns, by what is expected of them. */
  const working: Record<Expected, number> = { short: 0, likely: 0, unknown: 0 }
  const isRoomFor = (expected: Expected, own: number): boolean => {
    const { short, likely, unknown } = working
    if (short + likely + unknown >= (own === 0 ? connections : most)) return false
    return expected === 'short' || (unknown + likely < most && (expected === 'likely' || unknown < mostUnknown))
  }
  const owes = ({ key, turns }: Line): boolean => debts.of(key, turns) > mostDebtMs
  const isAlone = ({ key }: Line): boolean => lines.size === 1 && past.has(key) && company.isAlone(key)
  const mayBegin = (line: Line, { like }: Waiting): boolean => {
    const own = line.turns.size
    if (isAlone(line)) return own < most
    const expected = past.expected(line.key, like)
    if (own >= (owes(line) ? mostOfSome : most)) return false
    if (expected === 'unknown' && unknownOf(line) >= mostOfSome) return false
    return isRoomFor(expected, own) && (!owes(line) || turnsOfOwing() < mostOwing)
  }
  /** The caller's others do not count: as long as more than some of them go on, what is not expected to be short would never begin. */
  const unknownOf = ({ turns }: Line): number =>
    turns
      .values()
      .filter(one => one.expected === 'unknown')
      .toArray().length
  /** Whatever of the caller's may begin: what is expected to take long does not hold up the rest. */
  const firstOf = (line: Line): Waiting | undefined => {
    if (line.returning.length > 0) return line.turns.size < most ? line.returning[0] : undefined
    return line.waiting.find(one => mayBegin(line, one))
  }
  const turnsOfOwing = () =>
    lines
      .values()
      .filter(owes)
      .reduce((sum, { turns }) => sum + turns.size, 0)
  const serve = (line: Line, first: Waiting) => {
    const { begin, like, isRest } = first
    for (const place of [line.returning, line.waiting]) if (place.includes(first)) place.splice(place.indexOf(first), 1)
    const turn: Turn = { since: now(), like, isRest, expected: past.expected(line.key, like) }
    line.turns.add(turn)
    working[turn.expected]++
    company.saw(line.key)
    begin(({ isUnused } = { isUnused: false }) => end(line, turn, isUnused))
  }
  const serveNext = (): boolean => {
    let next: { readonly line: Line; readonly first: Waiting } | undefined
    for (const line of lines.values()) {
      if (!hasWaiting(line) || line.turns.size >= (next?.line.turns.size ?? Number.POSITIVE_INFINITY)) continue
      const first = firstOf(line)
      if (first !== undefined) next = { line, first }
    }
    if (next !== undefined) serve(next.line, next.first)
    return next !== undefined
  }
  const isLong = ({ since }: Turn): boolean => now() - since > freeMs
  /** What goes on for long is known before it ends. */
  const learn = () => {
    for (const { key, turns } of lines.values())
      for (const turn of turns) {
        if (!isLong(turn)) continue
        past.noteLong(key, turn.like)
        working[turn.expected]--
        turn.expected = 'unknown'
        working.unknown++
      }
  }
  const end = (line: Line, turn: Turn, isUnused: boolean) => {
    line.turns.delete(turn)
    working[turn.expected]--
    debts.add(line.key, turn)
    if (isLong(turn)) past.note(line.key, turn.like, { isShort: false })
    else if (!isUnused && !turn.isRest) past.note(line.key, turn.like, { isShort: true })
    lines.delete(line.key)
    // Behind the others, in the order of the map.
    if (!isIdle(line)) lines.set(line.key, line)
    learn()
    while (serveNext());
  }
  return {
    enter: (key, begin, { place = 'waiting', like, isRest = false }) => {
      const line = lines.get(key) ?? { key, turns: new Set(), outside: 0, returning: [], waiting: [] }
      lines.set(key, line)
      company.saw(key)
      line[place].push({ begin, like, isRest })
      learn()
      const first = firstOf(line)
      if (first !== undefined) serve(line, first)
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
  const kept = new LRUCache<string, { readonly ms: number; readonly at: number }>({ max: mostKept })
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
      if (ms > 0) kept.set(key, { ms, at: now() })
      else kept.delete(key)
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

/** What a turn may last, and still be short. */
const freeMs = 1000
/** What anybody may owe: one slow search now and then holds up nobody. */
const mostDebtMs = 3000
const paidBackIn = 10
const longestDebtMs = 60_000
/** Callers of whom something is remembered. */
const mostKept = 10_000
