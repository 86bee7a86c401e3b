import type { Test } from 'tap'

/** For the rest of the test some seconds have passed, while the clock of the machine was set back an hour. */
export const setBackWhile = (t: Test, passedSeconds: number): void => {
  const [dateNow, performanceNow] = [Date.now, performance.now]
  Date.now = () => dateNow() - 3_600_000
  performance.now = () => performanceNow.call(performance) + passedSeconds * 1000
  t.teardown(() => {
    Date.now = dateNow
    performance.now = performanceNow
  })
}
