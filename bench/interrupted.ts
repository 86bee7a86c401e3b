import { stopOnSignals } from '../src/cli/stop-on-signals.ts'
import { once } from '../src/fhir/once.ts'

const opened = new Set<() => Promise<void>>()

/** Closes it once, whoever asks first: the bench when it has measured, or whoever interrupts the bench. */
export const closedIfInterrupted = (close: () => Promise<void>): (() => Promise<void>) => {
  const closing = once(async () => {
    await close()
    opened.delete(closing)
  })
  opened.add(closing)
  return closing
}

/** Who interrupts a bench that measures leaves no server, no PostgreSQL and no gigabytes behind. What was opened last is closed first. */
export const closeOnSignals = (): void => {
  stopOnSignals(
    async () => {
      for (const close of [...opened].reverse()) await close()
      process.exit(interrupted)
    },
    event => {
      if (event.kind === 'server-stop-failed') process.stderr.write(`not all could be closed: ${event.reason}\n`)
    },
  )
}

/** As shells have it for SIGINT, so that what is not measured does not pass for met. */
const interrupted = 130
