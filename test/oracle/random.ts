/** A stream of choices that the same seed and name always repeat. */
export type Random = {
  readonly below: (limit: number) => number
  readonly pick: <T>(of: readonly T[]) => T
  readonly some: <T>(of: readonly T[], count: number) => readonly T[]
  readonly chance: (probability: number) => boolean
}

export const openRandom = (seed: number, name: string): Random => {
  let state = hashOf(`${seed} ${name}`)
  const next = (): number => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  const some = <T>(of: readonly T[], count: number): readonly T[] => {
    const left = [...of]
    return Array.from({ length: Math.min(count, left.length) }, () => left.splice(below(left.length), 1)).flat()
  }
  return {
    below,
    some,
    pick: of => {
      const picked = of[below(of.length)]
      if (picked === undefined) throw new Error('there is nothing to pick from')
      return picked
    },
    chance: probability => next() < probability,
  }
}

const hashOf = (text: string): number => {
  let hash = 2166136261
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619)
  return hash
}

/** The seed that a failure printed asks the same again. */
export const seedOf = (environment: Readonly<Record<string, string | undefined>> = process.env): number =>
  Number(environment.ORACLE_SEED ?? 20260301)

/** Asks this many times as much, if there is time. */
export const timesOf = (environment: Readonly<Record<string, string | undefined>> = process.env): number =>
  Number(environment.ORACLE_TIMES ?? 1)
