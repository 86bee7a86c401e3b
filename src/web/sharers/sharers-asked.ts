import type { SharersAsked } from '../../storage/study/sharers.ts'
import { type ListOrder, orderIn, orderQuery } from '../page/list-order.ts'
import { pageNumberIn } from '../page/page-number.ts'
import { lookedFor } from '../page/typed.ts'

/** Which of those who share the list shows, from its address. */
export type SharersWanted = Pick<SharersAsked, 'text' | 'to'> & {
  readonly order: ListOrder<SharersAsked['sort']>
  /** From 1 on. */
  readonly page: number
}

export const sharersWantedIn = (query: URLSearchParams): SharersWanted => {
  const to = query.get('with') ?? ''
  return {
    text: lookedFor(query, 'find'),
    to: /^[A-Za-z0-9.-]{1,64}$/.test(to) ? to : '',
    order: orderIn(query, orders),
    page: pageNumberIn(query),
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

export const sharersUrl = ({ text, to, order, page }: SharersWanted): string => {
  const query = new URLSearchParams({
    ...(text !== '' && { find: text }),
    ...(to !== '' && { with: to }),
    ...orderQuery(order),
    ...(page > 1 && { page: String(page) }),
  })
  return query.size === 0 ? '/shared' : `/shared?${query}`
}
