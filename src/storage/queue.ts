/** Background work that survives the process: what was asked for is done at least once, by one server at a time. */
export type Queue = {
  /** Nothing, where the same is asked for, or being done, already. */
  readonly ask: (key: string) => Promise<void>
  /** What throws is tried again, later and later; `isLast` says that it will not be. */
  readonly work: (run: (key: string, attempt: { readonly isLast: boolean }) => Promise<void>) => Promise<void>
  /** Waits for what is under way. */
  readonly close: () => Promise<void>
}

type Options = {
  readonly name: string
  /** How often something is tried again. */
  readonly retries: number
  readonly reportFault: (fault: unknown) => void
}

/** In a schema of its own, `queue`, which pg-boss makes and migrates itself. */
export const openQueue = async (url: string, { name, retries, reportFault }: Options): Promise<Queue> => {
  // Loaded where there is work to do.
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({
    connectionString: url,
    schema: 'queue',
    application_name: 'sharewell queue',
    max: 3,
    schedule: false,
  })
  boss.on('error', reportFault)
  await boss.start()
  const limits = {
    retryLimit: retries,
    retryDelay: 1,
    retryBackoff: true,
    expireInSeconds: 300,
    deleteAfterSeconds: 3600,
  }
  await boss.createQueue(name, { policy: 'exclusive', retryDelayMax: 3600, ...limits })
  await boss.updateQueue(name, limits)
  return {
    ask: async key => {
      await boss.send(name, { key }, { singletonKey: key })
    },
    work: async run => {
      await boss.work<
        { readonly key: string },
        void,
        { includeMetadata: true; pollingIntervalSeconds: number; localConcurrency: number }
      >(name, { includeMetadata: true, pollingIntervalSeconds: 0.5, localConcurrency: 4 }, async jobs => {
        for (const { data, retryCount, retryLimit } of jobs) await run(data.key, { isLast: retryCount >= retryLimit })
      })
    },
    close: () => boss.stop({ graceful: true, timeout: 5000 }),
  }
}
