import { type Words, wordsFor } from '../../messages/catalogue.ts'

/** The orders of a list of events. */
export const timeOrders = ({ say }: Words = wordsFor('en')) => ({
  latest: say('list.latest'),
  oldest: say('list.oldest'),
})

export type TimeOrder = keyof ReturnType<typeof timeOrders>

/** What the pages before and after one of such a list are called, and the first of all. */
export const timeLinks = ({ say }: Words = wordsFor('en')) => ({
  latest: { before: say('list.later'), after: say('list.earlier'), first: say('list.to-latest') },
  oldest: { before: say('list.earlier'), after: say('list.later'), first: say('list.to-oldest') },
})
