import type { JobWithMetadata } from 'pg-boss'
import { endedBySilence } from '../postgres/silence.ts'

/** Background work that survives the process: what was asked for is done at least once, by one server at a time. */
export type Queue = {
  /**
   * Nothing, where the same is asked for, or being done, already. A server does one at a time of what is asked for by one `of`, so
   * that whoever takes long keeps nobody else waiting. It is begun when somebody looks `afterSeconds`, by the clock of the database.
   */
  readonly ask: (key: string, wanted?: { readonly of?: string; readonly afterSeconds?: number }) => Promise<void>
  /** What throws is tried again, later and later; `isLast` says that it will not be. */
  readonly work: (run: (key: string, attempt: { readonly isLast: boolean }) => Promise<void>) => Promise<void>
  /** Begins nothing more, and waits for what is under way. What is asked for meanwhile waits for the next server. */
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
  /** How often something is tried again. */
  readonly retries: number
  /** Between two looks for what nobody is woken for. */
  readonly lookSeconds?: number
  readonly reportFault: (fault: unknown) => void
}

/** In a schema of their own, `queue`, which pg-boss makes and migrates itself. Who asks wakes who works, by NOTIFY. */
export const openQueues = async (url: string, { retries, lookSeconds = 2, reportFault }: Options): Promise<Queues> => {
  // Loaded where there is work to do.
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
            // Where there is one there may be more, of which nobody was told: what is tried again, and what came while all were busy.
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

/** What takes as long as it takes is begun anew by nobody, as long as the process that does it says that it lives. */
const longestSeconds = 24 * 60 * 60
const aliveSeconds = 60

/**
 * Nobody wakes for what is to be tried again: one of those who work on a queue looks for it, and wakes the others. Where nobody can be
 * woken, as behind PgBouncer, all look for everything.
 */
const waiting = {
  includeMetadata: true as const,
  localGroupConcurrency: 1,
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 60,
}
