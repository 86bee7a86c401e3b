/** Which page of a list an address asks for, from 1 on; the first where it says no such number. */
export const pageNumberIn = (query: URLSearchParams): number => {
  const text = query.get('page') ?? ''
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 1
}

/** The number of the item behind which a list goes on; 0 where it begins. */
export const itemBeforeIn = (query: URLSearchParams): number =>
  Number(/^\d{1,9}$/.exec(query.get('after') ?? '')?.[0] ?? 0)
