import { setImmediate } from 'node:timers/promises'

/** Awaited between the steps of long work: where it has had its time, others are answered first. */
export type GiveWay = () => Promise<void>

export const openGiveWay = (): GiveWay => {
  let until = performance.now() + turnMs
  return async () => {
    if (performance.now() < until) return
    await setImmediate()
    until = performance.now() + turnMs
  }
}

/** Whoever waits does not notice; and so rare a change costs nothing. */
const turnMs = 20

/** Work of many steps, to its end. */
export const inSteps = async <T>(steps: Generator<unknown, T>): Promise<T> => {
  const giveWay = openGiveWay()
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await giveWay()
  }
}

/** Text in pieces likewise; those that are empty are steps alone. */
export const textInSteps = async function* (pieces: Iterable<string>, giveWay = openGiveWay()): AsyncGenerator<string> {
  for (const piece of pieces) {
    if (piece !== '') yield piece
    await giveWay()
  }
}
