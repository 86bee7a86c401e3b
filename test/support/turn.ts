const today = Math.floor(Date.now() / 86_400_000)

/**
 * Whether one of very many similar cases, which take turns of so many days, is tried today. Neighbours have their turn on different days. With
 * TURNS=all everything is tried.
 */
export const isOnTurn = (place: number, days: number): boolean =>
  process.env.TURNS === 'all' || (place + today) % days === 0

/** Those of a list whose turn it is today; a caller that stands `beside` it at another place gets others. */
export const todays = <T>(all: readonly T[], days: number, beside = 0): readonly T[] =>
  all.filter((_, place) => isOnTurn(place + beside, days))

/**
 * One of a list, and the next one whenever so many days are over. A case that has its turn once in so many days comes to all of the list, however
 * long this is.
 */
export const nextOf = <T>(all: readonly T[], days: number): T | undefined => all[Math.floor(today / days) % all.length]
