import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { type AuditRecord, insertRecords } from './record.ts'

/** Where it is recorded who did what. */
export type Trail = {
  /** Returns when the record is durable; throws `transient` where it cannot be made so, and then nothing may be answered. */
  readonly keep: (record: AuditRecord) => Promise<void>
}

/**
 * Commits in groups: nobody waits for a timer, and many requests at once cost one commit. Two groups are under way at a time,
 * whose commits PostgreSQL flushes together; what comes meanwhile goes with the next that begins.
 */
export const openTrail = (connection: Connection): Trail => {
  let next: Group | undefined
  let underWay = 0
  const begin = (): void => {
    const group = next
    if (group === undefined || underWay >= mostUnderWay) return
    next = undefined
    underWay += 1
    void write(connection, group.records)
      .then(group.resolve, group.reject)
      .finally(() => {
        underWay -= 1
        begin()
      })
  }
  return {
    keep: record => {
      if (next === undefined) {
        next = newGroup()
        // What arrives in the same turn of the loop goes along.
        setImmediate(begin)
      }
      next.records.push(record)
      return next.written
    },
  }
}

/** As many connections as it takes. With one, a request waits for two commits; with four, each commit is of hardly more than one. */
export const mostUnderWay = 2

/** A server records; `off` tells a bench what that costs, and is in no configuration. */
export type AuditWriting = 'on' | 'off'

export const noTrail: Trail = { keep: async () => {} }

type Group = {
  readonly records: AuditRecord[]
  readonly written: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const newGroup = (): Group => ({ records: [], ...deferred() })

const deferred = (): Omit<Group, 'records'> => {
  const { promise: written, resolve, reject } = Promise.withResolvers<void>()
  return { written, resolve, reject }
}

const write = async (connection: Connection, records: readonly AuditRecord[]): Promise<void> => {
  try {
    await insertRecords(connection, records)
  } catch (cause) {
    throw new FhirError(
      'transient',
      'It cannot be recorded at the moment who asked, so nothing is answered; try again',
      {
        cause,
      },
    )
  }
}
