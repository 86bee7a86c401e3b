import { LRUCache } from 'lru-cache'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import type { CandidateFacts } from './numbers.ts'

/** Keeps for each class of codes how long its longest Observation lasts. It is raised, and committed, before a longer one is written. */
export type Durations = { readonly widen: (facts: readonly CandidateFacts[]) => Promise<void> }

export const openDurations = (connection: Connection, { mostKept = 10_000 } = {}): Durations => {
  const known = new LRUCache<number, number>({ max: mostKept })
  return {
    widen: async facts => {
      const longer = new Map([...longestByCode(facts)].filter(([codeId, hours]) => hours > (known.get(codeId) ?? -1)))
      if (longer.size === 0) return
      const [codeIds, hours] = [[...longer.keys()], [...longer.values()].map(one => (one === Infinity ? null : one))]
      await connection.run(sql.fragment`
        INSERT INTO code_duration (code_id, longest)
        SELECT code_id, make_interval(hours => hours)
        FROM unnest(${sql.array(codeIds, 'int4')}, ${sql.array(hours, 'int4')}) AS new(code_id, hours)
        ORDER BY code_id
        ON CONFLICT (code_id) DO UPDATE SET longest = CASE
          WHEN code_duration.longest IS NULL OR excluded.longest IS NULL THEN NULL
          ELSE greatest(code_duration.longest, excluded.longest) END`)
      // Whoever may write chooses the codes. What is forgotten is asked of the table once more.
      for (const [codeId, one] of longer) known.set(codeId, one)
    },
  }
}

const longestByCode = (facts: readonly CandidateFacts[]): ReadonlyMap<number, number> => {
  const longest = new Map<number, number>()
  for (const { low, high, codes } of facts) {
    const hours = hoursBetween(low, high)
    for (const { codeId } of codes) longest.set(codeId, Math.max(hours, longest.get(codeId) ?? 0))
  }
  return longest
}

/** In whole hours, rounded up, so that the table settles after a few writes. An open end, or no time at all, counts as for ever. */
const hoursBetween = (low: string, high: string): number => {
  const hours = (Date.parse(high) - Date.parse(low)) / 3_600_000
  return Number.isNaN(hours) || hours > mostHours ? Infinity : Math.ceil(hours)
}

/** Some two hundred years: a bound beyond that is of no use. */
const mostHours = 2_000_000
