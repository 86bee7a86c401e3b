/** Of which queries of Patients is remembered that they had many: by that one of two ways to the same answer is taken, and no more. */
export type ManyPatients = {
  readonly has: (name: string | undefined) => boolean
  /** Nothing is remembered of what has no name. */
  readonly note: (name: string | undefined) => void
}

/** For a minute, and so many at a time: who is forgotten is counted again. */
export const openManyPatients = ({ now = () => performance.now(), mostNames = 10_000 } = {}): ManyPatients => {
  const notedAt = new Map<string, number>()
  return {
    has: name => name !== undefined && now() < (notedAt.get(name) ?? Number.NEGATIVE_INFINITY) + keptMs,
    note: name => {
      if (name === undefined) return
      if (notedAt.size >= mostNames) notedAt.clear()
      notedAt.set(name, now())
    },
  }
}

const keptMs = 60_000
