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

/** Work that says by its steps where others may have their turn. */
export type Steps<T> = Generator<void, T>

/** To its end. Of short work nothing is awaited. */
export const inSteps = async <T>(steps: Steps<T>): Promise<T> => {
  let until = performance.now() + turnMs
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (performance.now() < until) continue
    await setImmediate()
    until = performance.now() + turnMs
  }
}

/** The same where nobody can wait, of what is short. */
export const atOnce = <T>(steps: Steps<T>): T => {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** What is made of each. */
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

/** Text in pieces likewise; those that are empty are steps alone. */
export const textInSteps = async function* (pieces: Iterable<string>, giveWay = openGiveWay()): AsyncGenerator<string> {
  for (const piece of pieces) {
    if (piece !== '') yield piece
    await giveWay()
  }
}
