import type { ReportFault } from './faults.ts'

type Intervals = { readonly pauseMs: number; readonly reportFault: ReportFault }

/**
 * Runs at once, and then at each interval, unless the last run is still going on: two never run at the same time. `closing` tells a run to stop, and
 * `close` waits for it.
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
