import { atIntervals } from '../../events/at-intervals.ts'
import { Undelivered } from '../../messages/undelivered.ts'
import { waitingMessages } from '../../storage/study/study-message.ts'
import type { Queue } from '../../storage/work/queue.ts'
import { type LetterParts, sendMessage } from './study-message.ts'

type Parts = LetterParts & {
  readonly queue: Pick<Queue, 'ask' | 'work'>
  /** How often it is looked for what waits. */
  readonly pauseMs: number
  readonly reportFault: (fault: unknown) => void
}

/**
 * Has sent whatever waits in the database, also from before this process began, or from a write over FHIR; what cannot be sent is
 * tried again, and then called failed. Ends with `close`.
 */
export const openMessageSending = async (parts: Parts): Promise<{ readonly close: () => Promise<void> }> => {
  const { queue, database, pauseMs, reportFault } = parts
  const asked = new Set<string>()
  await queue.work(async (id, attempt) => {
    await sendMessage(parts, id, attempt).catch(error => {
      // What another server refused is told to staff, where the message is; anything else is a fault of ours.
      if (!(error instanceof Undelivered)) reportFault(error)
      throw error
    })
    asked.delete(id)
  })
  const look = async (closing: AbortSignal): Promise<void> => {
    // All of them: those that cannot be sent for now hold up none behind them.
    const waiting = new Set(await waitingMessages(database))
    // Of those that wait no more, nothing is kept.
    for (const id of asked.difference(waiting)) asked.delete(id)
    for (const id of waiting.difference(asked)) {
      if (closing.aborted) return
      await queue.ask(id)
      asked.add(id)
    }
  }
  return atIntervals(look, { pauseMs, reportFault })
}
