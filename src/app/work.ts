import type { Mail } from '../messages/mail.ts'
import { openDatabase } from '../storage/database.ts'
import { openQueue, type Queue } from '../storage/queue.ts'
import { sendInvitations } from '../studies/invitation-letter.ts'
import type { Serving } from '../subscriptions/serve.ts'
import { openSockets, type ReadAs } from '../subscriptions/sockets.ts'
import { openSubscriptions } from '../subscriptions/subscriptions.ts'

/** How a process does background work. */
export type Work = {
  /** How often it is looked for what has changed. */
  readonly pauseMs: number
  /** How often a delivery is tried again before it counts as failed. */
  readonly retries: number
}

/** Background work, over connections of its own: requests do not wait for it. */
export const openWork = async (
  { databaseUrl, readAs, ...serving }: Omit<Serving, 'database'> & { databaseUrl: string; readAs: ReadAs },
  { pauseMs, retries }: Work,
) => {
  const database = openDatabase(databaseUrl, { poolSize: 3 })
  const queue = await openQueue(databaseUrl, { name: 'subscription', retries, reportFault: serving.reportFault })
  const subscriptions = await openSubscriptions({ ...serving, database, queue, pauseMs })
  const sockets = openSockets({ ...serving, database, databaseUrl, readAs })
  return {
    sockets,
    close: async () => {
      await sockets.close()
      await subscriptions.close()
      await database.close()
    },
  }
}

/** The letters of invitations, by a queue of their own; none where nothing can be sent. */
export const openSending = async (
  { mail, databaseUrl, reportFault, ...parts }: SendingParts,
  { retries }: Work,
): Promise<Pick<Queue, 'ask' | 'close'> | undefined> => {
  if (mail === undefined) return undefined
  const queue = await openQueue(databaseUrl, { name: 'invitation', retries, reportFault })
  await sendInvitations({ ...parts, mail, queue })
  return queue
}

type SendingParts = Omit<Parameters<typeof sendInvitations>[0], 'mail' | 'queue'> & {
  readonly mail: Pick<Mail, 'deliver'> | undefined
  readonly databaseUrl: string
  readonly reportFault: (fault: unknown) => void
}
