import { setTimeout as pause } from 'node:timers/promises'
import { recordEvents } from '../storage/subscription/record-events.ts'
import { dueSubscribers, endedSubscribers, findSubscriber } from '../storage/subscription/subscriber.ts'
import type { Queue } from '../storage/work/queue.ts'
import { criteriaFor, keyOf, refuse, type Serving, serve } from './serve.ts'

export type SubscriptionOptions = Serving & {
  readonly queue: Queue
  /** Between two checks for changes. */
  readonly pauseMs: number
}

/** Tells subscribers what has changed, until it is closed. Meanwhile, what is waiting is in the database. */
export const openSubscriptions = async (options: SubscriptionOptions): Promise<{ close: () => Promise<void> }> => {
  const closing = new AbortController()
  await options.queue.work((key, attempt) => serve(options, key, { ...attempt, closing: closing.signal }))
  const watching = watch(options, closing.signal)
  return {
    close: async () => {
      closing.abort()
      await watching
      await options.queue.close()
    },
  }
}

const watch = async (options: SubscriptionOptions, closing: AbortSignal): Promise<void> => {
  const going: Going = { behind: undefined }
  while (!closing.aborted) {
    const changes = await pass(options, going, closing).catch(fault => {
      options.reportFault(fault)
      return 0
    })
    if (changes === 0) await pause(options.pauseMs, undefined, { signal: closing }).catch(() => {})
  }
}

/** `behind`: the id up to which it was looked whose grants have ended; undefined to begin again. */
type Going = { behind: string | undefined }

/** Turns changes into events, and queues a job for each subscriber who has something due. */
const pass = async (options: SubscriptionOptions, going: Going, closing: AbortSignal): Promise<number> => {
  const { database, registry, classes, queue } = options
  const recorded = await recordEvents(database, { registry, classes, questionOf: one => criteriaFor(options, one) })
  for (const { id, error } of recorded.failed) {
    const subscriber = await findSubscriber(database, id)
    if (subscriber !== undefined) await refuse(options, subscriber, error).catch(options.reportFault)
  }
  const { ended, last } = await endedSubscribers(database, going.behind)
  going.behind = last
  for (const due of [...(await dueSubscribers(database)), ...ended])
    if (!closing.aborted) await queue.ask(keyOf(due), { of: due.client })
  return recorded.changes
}
