import type { JobResult, JobWithMetadata } from 'pg-boss'
import { atIntervals } from '../../events/at-intervals.ts'
import { endedBySilence } from '../postgres/silence.ts'

/** Background work that survives the process: each job is done at least once, by one server at a time. */
export type Queue = {
  /**
   * Does nothing if the same key is queued or being worked on already. A server does one job at a time for each `of`, so that somebody's long jobs
   * hold up nobody else. The job is begun when a worker looks, after `afterSeconds` by the database's clock.
   *
   * What the job is about is stored already, so it never fails: if it cannot be queued, that is reported, and the next look finds it. Answers whether
   * it is queued.
   */
  readonly ask: (key: string, wanted?: { readonly of?: string; readonly afterSeconds?: number }) => Promise<boolean>
  /** The same for many, at once. */
  readonly askAll: (jobs: readonly Waiting[]) => Promise<boolean>
  /**
   * If `run` throws, it is tried again, after longer and longer pauses of a quarter of an hour at most. `waiting` answers the keys of all that is
   * stored and not done: it is looked for at once, which finds what an earlier process has left, and at intervals.
   */
  readonly work: (run: Run, waiting?: () => Promise<readonly Waiting[]>) => Promise<void>
  /** Begins nothing more, and waits for what is under way. Jobs that are queued meanwhile wait for the next server. */
  readonly close: () => Promise<void>
}

/** Its key, and in which round it is begun: before those of later rounds, and after all that are asked for one by one, which are in round 0. */
export type Waiting = string | { readonly key: string; readonly round: number }

type Run = (key: string, attempt: Attempt) => Promise<void>

export type Attempt = {
  /** Whether a job that has failed with this error is not tried again. */
  readonly isLast: (error: unknown) => boolean
}

/** The queues of one server, which share a few connections. */
export type Queues = {
  /** `isAway`, for jobs that need another server, such as a mail server: whether an error says that it is away. Then the job is tried for longer. */
  readonly open: (name: QueueName, isAway?: (error: unknown) => boolean) => Promise<Queue>
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
  /** The same while the server that it needs is away. */
  readonly retriesWhileAway?: number
  /** Between two checks for jobs of which no worker is notified. */
  readonly lookSeconds?: number
  /** Between two looks for what is stored and was not queued. */
  readonly waitingSeconds?: number
  readonly reportFault: (fault: unknown) => void
}

/** In a schema of their own, `queue`, which pg-boss makes and migrates itself. Queuing a job wakes the workers, by NOTIFY. */
export const openQueues = async (url: string, options: Options): Promise<Queues> => {
  const { retries, retriesWhileAway = retries, lookSeconds = 2, waitingSeconds = 30, reportFault } = options
  // Loaded only where there is work to do.
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({
    connectionString: url,
    schema: 'queue',
    application_name: 'sharewell queue',
    max: 5,
    schedule: false,
    superviseIntervalSeconds: goneSeconds,
    monitorIntervalSeconds: goneSeconds,
    useListenNotify: true,
    ...endedBySilence(60_000),
  })
  let isOver = false
  // It may have connections left for a moment after it has stopped: how these end is no fault.
  boss.on('error', fault => isOver || reportFault(fault))
  await boss.start()
  const limits = {
    notify: true,
    retryDelay: 1,
    retryBackoff: true,
    retryDelayMax: longestPauseSeconds,
    expireInSeconds: longestSeconds,
    heartbeatSeconds: aliveSeconds,
    deleteAfterSeconds: 3600,
  }
  const looks = new Map<QueueName, ReturnType<typeof atIntervals>>()
  return {
    open: async (name, isAway) => {
      const retryLimit = isAway === undefined ? retries : retriesWhileAway
      await boss.createQueue(name, { policy: 'exclusive', retryLimit, ...limits })
      await boss.updateQueue(name, { retryLimit, ...limits })
      const attemptOf = ({ retryCount, retryLimit }: Counted): Attempt => ({
        isLast: error => retryCount >= Math.min(retryLimit, isAway?.(error) ? retriesWhileAway : retries),
      })
      const insert = (waiting: readonly Waiting[]) => boss.insert(name, waiting.map(toJob), { returnId: false })
      return {
        askAll: async waiting => {
          try {
            if (waiting.length > 0) await insert(waiting)
            return true
          } catch (error) {
            reportFault(error)
            return false
          }
        },
        ask: async (key, { of, afterSeconds } = {}) => {
          const group = of === undefined ? {} : { group: { id: of } }
          const startAfter = afterSeconds === undefined ? {} : { startAfter: afterSeconds }
          try {
            await boss.send(name, { key }, { singletonKey: key, ...group, ...startAfter })
            return true
          } catch (error) {
            reportFault(error)
            return false
          }
        },
        work: async (run, waiting = async () => []) => {
          const workers: string[] = []
          const doOne = async ([job]: readonly Job[]): Promise<JobResult[]> => {
            // If there is one, there may be more of which no worker was notified: jobs to be tried again, and those that came while all were busy.
            for (const worker of workers) boss.notifyWorker(worker)
            return job === undefined ? [] : [await resultOf(job, run, attemptOf(job))]
          }
          const looking = { ...polling, notifyPollingIntervalSeconds: lookSeconds }
          for (const how of [looking, polling, polling, polling]) workers.push(await boss.work(name, how, doOne))
          const queueWaiting = async (): Promise<void> => {
            const jobs = await waiting()
            // A key that is queued already is not queued twice.
            if (jobs.length > 0) await insert(jobs)
          }
          looks.set(name, atIntervals(queueWaiting, { pauseMs: waitingSeconds * 1000, reportFault }))
        },
        close: async () => {
          await looks.get(name)?.close()
          await boss.offWork(name)
        },
      }
    },
    close: async () => {
      for (const look of looks.values()) await look.close()
      await boss.stop({ graceful: true, timeout: 5000 })
      isOver = true
    },
  }
}

const toJob = (waiting: Waiting) => {
  const { key, round } = typeof waiting === 'string' ? { key: waiting, round: 0 } : waiting
  return { data: { key }, singletonKey: key, priority: -round }
}

type Job = JobWithMetadata<{ readonly key: string }>
type Counted = Pick<Job, 'retryCount' | 'retryLimit'>

/** `deadletter` is how pg-boss calls a job that fails before all its retries are used. */
const resultOf = async (job: Job, run: Run, attempt: Attempt): Promise<JobResult> => {
  try {
    await run(job.data.key, attempt)
    return { id: job.id, status: 'completed' }
  } catch (error) {
    return { id: job.id, status: attempt.isLast(error) ? 'deadletter' : 'failed', output: error }
  }
}

/** A job may take as long as it needs: nobody begins it again while its process reports that it is alive. */
const longestSeconds = 24 * 60 * 60
const aliveSeconds = 60
/** Between two looks for jobs whose process is gone. */
const goneSeconds = 15
const longestPauseSeconds = 15 * 60

/**
 * For jobs that are to be tried again there is no notification: one of the workers on a queue looks for them, and wakes the others. If notifications
 * do not work at all, as behind PgBouncer, all of them look for everything.
 */
const polling = {
  includeMetadata: true as const,
  perJobResults: true as const,
  localGroupConcurrency: 1,
  pollingIntervalSeconds: 0.5,
  notifyPollingIntervalSeconds: 60,
}
