import type { JobWithMetadata } from 'pg-boss'
import { endedBySilence } from '../postgres/silence.ts'

/** Background work that survives the process: each job is done at least once, by one server at a time. */
export type Queue = {
  /**
   * Does nothing if the same key is queued or being worked on already. A server does one job at a time for each `of`, so that somebody's long jobs
   * hold up nobody else. The job is begun when a worker looks, after `afterSeconds` by the database's clock.
   */
  readonly ask: (key: string, wanted?: { readonly of?: string; readonly afterSeconds?: number }) => Promise<void>
  /** If it throws, it is tried again, after longer and longer pauses; `isLast` says that this is the last attempt. */
  readonly work: (run: (key: string, attempt: { readonly isLast: boolean }) => Promise<void>) => Promise<void>
  /** Begins nothing more, and waits for what is under way. Jobs that are queued meanwhile wait for the next server. */
  readonly close: () => Promise<void>
}

/** The queues of one server, which share a few connections. */
export type Queues = {
  readonly open: (name: QueueName) => Promise<Queue>
  readonly close: () => Promise<void>
}

type QueueName =
  | 'async-request'
  | 'invitation'
  | 'letter'
  | 'patient-import'
  | 'staff-invitation'
  | 'study-action'
  | 'subscription'

type Options = {
  /** How often a failed job is tried again. */
  readonly retries: number
  /** Between two checks for jobs of which no worker is notified. */
  readonly lookSeconds?: number
  readonly reportFault: (fault: unknown) => void
}

/** In a schema of their own, `queue`, which pg-boss makes and migrates itself. Queuing a job wakes the workers, by NOTIFY. */
export const openQueues = async (url: string, { retries, lookSeconds = 2, reportFault }: Options): Promise<Queues> => {
  // Loaded only where there is work to do.
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({
    connectionString: url,
    schema: 'queue',
    application_name: 'sharewell queue',
    max: 5,
    schedule: false,
    useListenNotify: true,
    ...endedBySilence(60_000),
  })
  boss.on('error', reportFault)
  await boss.start()
  const limits = {
    notify: true,
    retryLimit: retries,
    retryDelay: 1,
    retryBackoff: true,
    expireInSeconds: longestSeconds,
    heartbeatSeconds: aliveSeconds,
    deleteAfterSeconds: 3600,
  }
  return {
    open: async name => {
      await boss.createQueue(name, { policy: 'exclusive', retryDelayMax: 3600, ...limits })
      await boss.updateQueue(name, limits)
      return {
        ask: async (key, { of, afterSeconds } = {}) => {
          const group = of === undefined ? {} : { group: { id: of } }
          await boss.send(
            name,
            { key },
            { singletonKey: key, ...group, ...(afterSeconds !== undefined && { startAfter: afterSeconds }) },
          )
        },
        work: async run => {
          const workers: string[] = []
          const doOne = async ([job]: readonly JobWithMetadata<{ readonly key: string }>[]): Promise<void> => {
            // If there is one, there may be more of which no worker was notified: jobs to be tried again, and those that came while all were busy.
            for (const worker of workers) boss.notifyWorker(worker)
            if (job !== undefined) await run(job.data.key, { isLast: job.retryCount >= job.retryLimit })
          }
          const looking = { ...waiting, notifyPollingIntervalSeconds: lookSeconds }
          for (const looks of [looking, waiting, waiting, waiting]) workers.push(await boss.work(name, looks, doOne))
        },
        close: () => boss.offWork(name),
      }
    },
    close: () => boss.stop({ graceful: true, timeout: 5000 }),
  }
}

/** A job may take as long as it needs: nobody begins it again while its process reports that it is alive. */
const longestSeconds = 24 * 60 * 60
const aliveSeconds = 60

/**
 * For jobs that are to be tried again there is no notification: one of the workers on a queue looks for them, and wakes the others. If notifications
 * do not work at all, as behind PgBouncer, all of them look for everything.
 */
const waiting = {
  includeMetadata: true as const,
  localGroupConcurrency: 1,
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 60,
}
