import { awaitTurn } from './event-loop-turns.ts'

/** To be awaited between the steps of long work: once its time is up, other requests are answered first. */
export type GiveWay = () => Promise<void>

export const openGiveWay = (): GiveWay => {
  let until = performance.now() + firstMs
  let turns = 0
  return async () => {
    if (performance.now() >= until) until = await awaitTurn(turns++)
  }
}

/** So short that nobody notices it, even if several begin at once; most work is done by then, and has never waited. */
const firstMs = 5

/** Work that yields wherever others may have their turn. */
export type Steps<T> = Generator<void, T>

/** Runs the work to its end. If it is short, nothing is awaited. */
export const inSteps = async <T>(steps: Steps<T>): Promise<T> => {
  let until = performance.now() + firstMs
  let turns = 0
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (performance.now() >= until) until = await awaitTurn(turns++)
  }
}

/** The same for short work where nothing can be awaited. */
export const atOnce = <T>(steps: Steps<T>): T => {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** What is made of each item; others may have their turn in between. */
export const eachInSteps = function* <One, Made>(
  all: readonly One[],
  make: (one: One, index: number) => Made,
): Steps<readonly Made[]> {
  const made: Made[] = []
  for (const [index, one] of all.entries()) {
    made.push(make(one, index))
    yield
  }
  return made
}

/** The same for text in pieces. Empty pieces only mark a step. */
export const textInSteps = async function* (pieces: Iterable<string>, giveWay = openGiveWay()): AsyncGenerator<string> {
  for (const piece of pieces) {
    if (piece !== '') yield piece
    await giveWay()
  }
}
