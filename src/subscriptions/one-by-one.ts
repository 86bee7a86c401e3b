/** Runs items one after another, since each queries the database. If one fails, the others still run. */
export const oneByOne = <Item>(
  run: (item: Item) => Promise<void>,
  { mostWaiting }: { readonly mostWaiting: number },
) => {
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  return {
    hasRoom: () => waiting < mostWaiting,
    take: (item: Item): Promise<void> => {
      waiting += 1
      const next = last
        .then(() => run(item))
        .finally(() => {
          waiting -= 1
        })
      last = next.catch(() => {})
      return next
    },
  }
}
