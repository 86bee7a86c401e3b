import type { ReportFault } from './faults.ts'

type Intervals = { readonly pauseMs: number; readonly reportFault: ReportFault }

/**
 * Does it at once, and again at each interval at which the last time is over: never twice at once, however long it takes. `closing` says
 * that it is to stop; closing waits until it has.
 */
export const atIntervals = (
  run: (closing: AbortSignal) => Promise<void>,
  { pauseMs, reportFault }: Intervals,
): { readonly close: () => Promise<void> } => {
  const closing = new AbortController()
  let running: Promise<void> | undefined
  const begin = () => {
    running ??= run(closing.signal)
      .catch(reportFault)
      .finally(() => {
        running = undefined
      })
  }
  begin()
  const timer = setInterval(begin, pauseMs)
  return {
    close: async () => {
      closing.abort()
      clearInterval(timer)
      await running
    },
  }
}
