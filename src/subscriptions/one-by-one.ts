/** Runs what comes one after another: each asks the database. One that fails stops none behind it. */
export const oneByOne = (run: (text: string) => Promise<void>) => {
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  return {
    hasRoom: () => waiting < mostWaiting,
    take: (text: string): Promise<void> => {
      waiting += 1
      const next = last
        .then(() => run(text))
        .finally(() => {
          waiting -= 1
        })
      last = next.catch(() => {})
      return next
    },
  }
}

const mostWaiting = 100
