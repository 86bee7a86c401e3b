import { setImmediate } from 'node:timers/promises'

/** Work of many small steps, to its end: others have their turn wherever it has taken long. */
export const inTurns = async <T>(steps: Generator<unknown, T>): Promise<T> => {
  for (;;) {
    const until = performance.now() + turnMs
    let step = steps.next()
    while (!step.done && performance.now() < until) step = steps.next()
    if (step.done) return step.value
    await setImmediate()
  }
}

/** Whoever waits does not notice; and so rare a change costs nothing. */
const turnMs = 20
