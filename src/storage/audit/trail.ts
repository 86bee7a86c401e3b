import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { type AuditRecord, insertRecords } from './record.ts'

/** Where it is recorded who did what. */
export type Trail = {
  /** Returns once the record is durable. Throws `transient` if that is not possible; then nothing may be answered. */
  readonly keep: (record: AuditRecord) => Promise<void>
  /** Runs something that will end with a record, for which other records may wait a moment. */
  readonly expecting: <T>(run: () => Promise<T>) => Promise<T>
}

/**
 * Commits in groups, one after the other: records that come meanwhile go with the next group. A record waits up to `gatherMs` for those that are
 * about to come, since a commit takes as long as many reads. If none are, or if there are only one or two in all, nobody waits for a timer.
 */
export const openTrail = (connection: Connection): Trail => {
  let expected = 0
  let next: Group | undefined
  let isCommitting = false
  const begin = (): void => {
    const group = next
    if (group?.isDue !== true || isCommitting) return
    next = undefined
    isCommitting = true
    void write(connection, group.records)
      .then(group.resolve, group.reject)
      .finally(() => {
        isCommitting = false
        begin()
      })
  }
  const end = (group: Group) => (): void => {
    group.isDue = true
    begin()
  }
  return {
    expecting: async run => {
      expected += 1
      try {
        return await run()
      } finally {
        expected -= 1
      }
    },
    keep: record => {
      const group = next ?? newGroup()
      group.records.push(record)
      // Whatever arrives in the same turn of the event loop goes along.
      if (expected === 0 || expected + group.records.length <= few) setImmediate(end(group))
      else if (next === undefined) setTimeout(end(group), gatherMs)
      next = group
      return group.written
    },
  }
}

const few = 2
const gatherMs = 3

/** Servers always record. `off` is for the bench, to measure what that costs, and cannot be configured. */
export type AuditWriting = 'on' | 'off'

export const noTrail: Trail = { keep: async () => {}, expecting: run => run() }

type Group = {
  isDue: boolean
  readonly records: AuditRecord[]
  readonly written: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const newGroup = (): Group => ({ isDue: false, records: [], ...deferred() })

const deferred = (): Omit<Group, 'isDue' | 'records'> => {
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
