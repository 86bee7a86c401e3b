import type { Config } from '../config.ts'
import type { Tell } from '../events/event.ts'
import type { FhirOptions } from '../http/fhir/fhir.ts'
import { isAnyDerivedByOlder } from '../storage/installation/derive-anew.ts'
import type { Serving } from '../subscriptions/serve.ts'
import type { ReadAs } from '../subscriptions/socket-message.ts'
import { openClockWatch } from './clock.ts'
import { openSealing } from './sealing.ts'
import { type Jobs, openForgetting, openJobs, openSubscriptionWork, openTellingOfEnds, type Work } from './work.ts'

type Parts = Omit<Serving, 'registry' | 'accessFor' | 'base'> & {
  readonly config: Config
  readonly fhir: FhirOptions
  readonly databaseUrl: string
  readonly secretKey: Uint8Array
  readonly isAudited: boolean
  readonly tell: Tell
}

/** What a process does in the background; no request waits for it. */
export const openBackground = async (work: Work, parts: Parts) => {
  const { config, fhir, database, secretKey, isAudited, tell, ...serving } = parts
  const { databaseUrl, reportFault } = serving
  const sealing = isAudited
    ? openSealing({ databaseUrl, secretKey, pauseMs: work.pauseMs, tell, reportFault })
    : undefined
  const jobs: Jobs = await openJobs(databaseUrl, work, reportFault)
  const { registry, accessFor, base } = fhir
  const readAs = readSubscriptionAs(fhir)
  const subscriptions = await openSubscriptionWork({ ...serving, registry, accessFor, base, readAs }, jobs)
  const forgetting = openForgetting(database, config.quarantineDays, reportFault)
  const tellingOfEnds = openTellingOfEnds(database, reportFault)
  if (await isAnyDerivedByOlder(database, fhir.mhealth.mapVersion)) tell({ kind: 'derived-by-older-map' })
  const clockWatch = openClockWatch(database, { tell, reportFault })
  return {
    jobs,
    sockets: subscriptions.sockets,
    /** Those that are not shared with requests. */
    connections: {
      subscriptions: subscriptions.connections,
      ...(sealing !== undefined && { sealing: sealing.connections }),
    },
    /** To be called before the server waits for open requests, since it would wait for websockets as well. */
    closeSubscriptions: subscriptions.close,
    /** To be called when no request is left that might queue something. */
    close: async () => {
      await Promise.all([
        forgetting.close(),
        tellingOfEnds.close(),
        clockWatch.close(),
        sealing?.close(),
        jobs.queues.close(),
      ])
    },
  }
}

const readSubscriptionAs =
  ({ openStoreFor, accessFor }: FhirOptions): ReadAs =>
  async (caller, id) => {
    const { content } = await openStoreFor(caller, accessFor(caller)).read('Subscription', id)
    return JSON.parse(content)
  }
