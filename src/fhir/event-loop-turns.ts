/**
 * Resolves when the work may go on, with the time until when: one work in each turn of the event loop, however many there are. If each went on in every
 * turn, requests that take a moment would wait for a piece of each. In every other turn it is the one that has waited longest, and in the others the
 * one that has had the fewest `turns`: what is nearly done is not held up by what takes long, nor does that wait for ever.
 */
export const awaitTurn = (turns: number): Promise<number> =>
  new Promise(begin => {
    waiting.push({ turns, begin })
    if (!isServing) serveNext()
  })

type Waiting = { readonly turns: number; readonly begin: (until: number) => void }

const waiting: Waiting[] = []
let isServing = false
let isLongest = true

const serveNext = (): void => {
  isServing = true
  setImmediate(() => {
    const [next] = waiting.splice(isLongest ? 0 : fewestTurns(), 1)
    isLongest = !isLongest
    isServing = false
    next?.begin(performance.now() + turnMs)
    if (waiting.length > 0) serveNext()
  })
}

const fewestTurns = (): number =>
  waiting.reduce((best, { turns }, index) => (turns < (waiting[best]?.turns ?? 0) ? index : best), 0)

/** So short that nobody who waits notices it, and so long that changing over costs nothing. */
const turnMs = 20
