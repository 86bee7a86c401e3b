import { atIntervals } from '../../events/at-intervals.ts'
import { Undelivered } from '../../messages/undelivered.ts'
import { waitingMessages } from '../../storage/study/study-message.ts'
import type { Attempt, Queue } from '../../storage/work/queue.ts'
import { type LetterParts, sendMessage } from './study-message.ts'

type Parts = LetterParts & {
  readonly queue: Pick<Queue, 'askAll' | 'work'>
  /** The pause between looking for messages that wait. */
  readonly pauseMs: number
  readonly reportFault: (fault: unknown) => void
}

/**
 * Has every message sent that waits in the database, also those from before this process began, or from a write over FHIR. What cannot be
 * sent is tried again, and finally marked as failed. Ends with `close`.
 */
export const openMessageSending = async (parts: Parts): Promise<{ readonly close: () => Promise<void> }> => {
  const { queue, database, pauseMs, reportFault } = parts
  const asked = new Set<string>()
  const sent = new Set<string>()
  const sendOne = async (id: string, { isLast }: Attempt): Promise<void> => {
    await sendMessage(parts, id, { isLast, sent }).catch(error => {
      // That another server refused it is shown to staff with the message; anything else is a fault of ours.
      if (!(error instanceof Undelivered)) reportFault(error)
      throw error
    })
    asked.delete(id)
  }
  const waitingJobs = async () => (await waitingMessages(database)).map(({ id, round }) => ({ key: id, round }))
  await queue.work(sendOne, waitingJobs)
  const look = async (closing: AbortSignal): Promise<void> => {
    // All of them are asked for, so that those that cannot be sent for now do not hold up the others.
    const waiting = await waitingJobs()
    // Those that no longer wait are forgotten.
    for (const id of asked.difference(new Set(waiting.map(({ key }) => key)))) asked.delete(id)
    const unasked = waiting.filter(({ key }) => !asked.has(key))
    if (closing.aborted || !(await queue.askAll(unasked))) return
    for (const { key } of unasked) asked.add(key)
  }
  return atIntervals(look, { pauseMs, reportFault })
}
