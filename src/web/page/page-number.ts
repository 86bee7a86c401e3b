/** Which page of a list an address asks for, from 1 on; 1 if it has no valid number. */
export const pageNumberIn = (query: URLSearchParams): number => {
  const text = query.get('page') ?? ''
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 1
}

/** The number of the item after which a list continues; 0 at its beginning. */
export const itemBeforeIn = (query: URLSearchParams): number =>
  Number(/^\d{1,9}$/.exec(query.get('after') ?? '')?.[0] ?? 0)
