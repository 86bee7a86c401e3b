import { atIntervals } from '../events/at-intervals.ts'
import type { ReportFault } from '../events/faults.ts'
import { isAway } from '../messages/undelivered.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { removeOldAppInvitations } from '../storage/study/app-invitation.ts'
import { tellOfEnds } from '../storage/study/study-end.ts'
import { forgetAddresses } from '../storage/study/study-message.ts'
import { dropOldIntake } from '../storage/upload/old-intake.ts'
import { dropEndedWork } from '../storage/work/ended-work.ts'
import { dropOldLetters } from '../storage/work/letter.ts'
import { openQueues, type Queue, type Queues } from '../storage/work/queue.ts'
import { openMessageSending } from '../studies/invitation/message-sending.ts'
import { workOnImports } from '../studies/patient/patient-import-work.ts'
import { workOnStudyActions } from '../studies/people/study-action-work.ts'
import type { Serving } from '../subscriptions/serve.ts'
import type { ReadAs } from '../subscriptions/socket-message.ts'
import { openSockets } from '../subscriptions/sockets.ts'
import { openSubscriptions } from '../subscriptions/subscriptions.ts'

/** How a process does background work. */
export type Work = {
  /** Between two checks for changes. */
  readonly pauseMs: number
  /** How often a delivery is tried again before it counts as failed. */
  readonly retries: number
  /** The same for a message while the server that is to take it is away. */
  readonly retriesWhileAway?: number
}

/** The same with its queues, which are closed when no request is left that might queue something. */
export type Jobs = { readonly pauseMs: number; readonly queues: Queues; readonly reportFault: ReportFault }

export const openJobs = async (
  databaseUrl: string,
  { pauseMs, ...retries }: Work,
  reportFault: ReportFault,
): Promise<Jobs> => ({ pauseMs, queues: await openQueues(databaseUrl, { ...retries, reportFault }), reportFault })

/** Notifications of subscribers, on connections of their own, so that requests do not wait for them. */
export const openSubscriptionWork = async (
  { databaseUrl, readAs, ...serving }: Omit<Serving, 'database'> & { databaseUrl: string; readAs: ReadAs },
  { pauseMs, queues }: Jobs,
) => {
  const database = openDatabase(databaseUrl, { poolSize: 3 })
  const queue = await queues.open('subscription')
  const subscriptions = await openSubscriptions({ ...serving, database, queue, pauseMs })
  const sockets = openSockets({ ...serving, database, databaseUrl, readAs })
  return {
    sockets,
    connections: database,
    close: async () => {
      await sockets.close()
      await subscriptions.close()
      await database.close()
    },
  }
}

/** Messages to people in studies, in a queue of their own; undefined if nothing can be sent. */
export const openSending = async (
  parts: SendingParts,
  { pauseMs, queues, reportFault }: Jobs,
): Promise<Pick<Queue, 'ask' | 'close'> | undefined> => {
  const { channels } = parts
  if (channels.email === undefined && channels.sms === undefined) return undefined
  const queue = await queues.open('invitation', isAway)
  const sending = await openMessageSending({ ...parts, queue, pauseMs, reportFault })
  return {
    ask: queue.ask,
    close: async () => {
      await sending.close()
      await queue.close()
    },
  }
}

/** Imports of lists of patients, in a queue of their own, so that no message waits for them. */
export const openImporting = async (
  parts: Omit<Parameters<typeof workOnImports>[0], 'queue' | 'reportFault'>,
  { queues, reportFault }: Jobs,
): Promise<Pick<Queue, 'ask' | 'close'>> => {
  const queue = await queues.open('patient-import')
  const importing = await workOnImports({ ...parts, queue, reportFault })
  return {
    ask: queue.ask,
    close: async () => {
      importing.close()
      await queue.close()
    },
  }
}

/** Actions on many people of a study, in a queue of their own. */
export const openActing = async (
  parts: Omit<Parameters<typeof workOnStudyActions>[0], 'queue' | 'reportFault'>,
  { queues, reportFault }: Jobs,
): Promise<Pick<Queue, 'ask' | 'close'>> => {
  const queue = await queues.open('study-action')
  await workOnStudyActions({ ...parts, queue, reportFault })
  return queue
}

/**
 * Every hour, deletes refused documents and counts of uploads that are older than so many days, and after half a year addresses of messages, links
 * for apps, and work that has ended.
 */
export const openForgetting = (database: Database, days: number, reportFault: ReportFault) =>
  atIntervals(
    async closing => {
      const all = [
        dropOldIntake(database, days, closing),
        forgetAddresses(database, messageDays),
        dropOldLetters(database),
        removeOldAppInvitations(database, messageDays),
        dropEndedWork(database, messageDays, closing),
      ]
      await Promise.all(all.map(one => one.catch(reportFault)))
    },
    { pauseMs: hourMs, reportFault },
  )

/** Every minute, looks for studies that are over, and whose people are to be told. */
export const openTellingOfEnds = (database: Database, reportFault: ReportFault) =>
  atIntervals(closing => tellOfEnds(database, closing), { pauseMs: minuteMs, reportFault })

const minuteMs = 60 * 1000
const hourMs = 60 * minuteMs
const messageDays = 180

type SendingParts = Omit<Parameters<typeof openMessageSending>[0], 'queue' | 'pauseMs' | 'reportFault'>
