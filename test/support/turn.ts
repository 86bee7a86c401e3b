const today = Math.floor(Date.now() / 86_400_000)

/**
 * Whether one of very many that are tried alike, and take turns of so many days, is tried today. What stands beside each other has its turn on
 * different days. With TURNS=all everything is tried.
 */
export const isOnTurn = (place: number, days: number): boolean =>
  process.env.TURNS === 'all' || (place + today) % days === 0

/** Those of a list that are on their turn; for who stands `beside` it at another place, others. */
export const todays = <T>(all: readonly T[], days: number, beside = 0): readonly T[] =>
  all.filter((_, place) => isOnTurn(place + beside, days))
