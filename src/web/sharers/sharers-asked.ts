import type { SharersAsked } from '../../storage/study/sharer-lists.ts'
import { type ListOrder, orderIn, orderQuery } from '../page/list-order.ts'
import { lookedFor } from '../page/typed.ts'

/** Which of those who share the list shows, from its address. */
export type SharersWanted = Pick<SharersAsked, 'text' | 'to'> & {
  readonly order: ListOrder<SharersAsked['sort']>
}

export const sharersWantedIn = (query: URLSearchParams): SharersWanted => {
  const to = query.get('with') ?? ''
  return {
    text: lookedFor(query, 'find'),
    to: /^[A-Za-z0-9.-]{1,64}$/.test(to) ? to : '',
    order: orderIn(query, orders),
  }
}

const orders: Readonly<Record<SharersAsked['sort'], string>> = {
  name: 'Name',
  newest: 'Newest reading first',
  since: 'Last shared first',
  until: 'Ending soonest first',
}

/** Whether the address asks for anything but the whole list. */
export const isNarrowed = ({ text, to, order }: SharersWanted): boolean =>
  text !== '' || to !== '' || order.problem !== undefined

/** The address that asks the same again, from the beginning of the list. */
export const queryOfSharers = ({ text, to, order }: SharersWanted): string =>
  String(
    new URLSearchParams({ ...(text !== '' && { find: text }), ...(to !== '' && { with: to }), ...orderQuery(order) }),
  )
