import type { Tell } from '../events/event.ts'

/** Ends the process in an orderly way at the first signal, and at once at another one. The function that it answers ends it without a signal. */
export const stopOnSignals = (close: () => Promise<void>, tell: Tell): ((reason: string, code: number) => void) => {
  let stoppingSince: number | undefined
  const stop = (reason: string, code: number): void => {
    if (stoppingSince !== undefined) return
    stoppingSince = performance.now()
    tell({ kind: 'server-stopping', reason })
    close().then(
      () => {
        tell({ kind: 'server-stopped' })
        process.exit(code)
      },
      (error: unknown) => {
        tell({ kind: 'server-stop-failed', reason: error instanceof Error ? error.message : String(error) })
        process.exit(1)
      },
    )
  }
  const onSignal = (signal: string): void => {
    if (stoppingSince === undefined) stop(signal, 0)
    else if (performance.now() - stoppingSince > sameKeypressMs) process.exit(1)
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal)
  return stop
}

/** Under npm, Ctrl-C arrives twice: from the terminal, and again from npm. */
const sameKeypressMs = 500
