import type { FastifyBaseLogger } from 'fastify'
import { type AsyncRequests, openAsyncRequests } from '../http/fhir/async-requests.ts'
import { type ContextParts, openContexts } from '../http/fhir/fhir-context.ts'
import { workOnAsyncRequests } from '../interactions/async/async-work.ts'
import type { Database } from '../storage/database.ts'
import type { Jobs } from './work.ts'

type Parts = {
  readonly database: Database
  readonly fhir: ContextParts
  readonly log: FastifyBaseLogger
}

/** Requests that are answered later, in a queue of their own. */
export const openAsync = async (
  { database, fhir, log }: Parts,
  { queues, reportFault }: Jobs,
): Promise<{ readonly requests: AsyncRequests; readonly close: () => Promise<void> }> => {
  const queue = await queues.open('async-request')
  const contextOf = openContexts(fhir)
  const working = await workOnAsyncRequests({
    database,
    queue,
    contextFor: (caller, { request, name, target }) => contextOf({ caller, id: request, log }, { name, path: target }),
    reportFault,
  })
  return {
    requests: openAsyncRequests({ database, ask: queue.ask }),
    close: async () => {
      working.close()
      await queue.close()
    },
  }
}
