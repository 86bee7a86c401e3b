import type { Registry } from '../../fhir/registry.ts'
import type { Connection } from '../database.ts'
import type { Store } from '../store.ts'
import type { Recorder } from './answering.ts'
import { keptAccesses, settledAccesses } from './quarantine-access.ts'
import { readingStore } from './reading-store.ts'
import { type AuditAccess, type AuditAgent, insertRecords } from './record.ts'
import { type Keep, recordingRefusal, type Tried } from './refusal.ts'
import { together } from './together.ts'
import type { Trail } from './trail.ts'
import { keepUndone, noteRefusals, refusalsAmong, toldOfUndone } from './undone.ts'
import { type Noted, writeAsked, writtenAccesses } from './written-access.ts'

export type Auditing = {
  readonly registry: Registry
  readonly trail: Trail
  readonly agent: AuditAgent
}

/**
 * The same store, but it answers nothing before it is durably recorded who was answered what, and writes nothing without its record in the same
 * commit. Refusals are recorded as well.
 */
export const auditedStore = (store: Store, { trail, agent, registry }: Auditing): Store => {
  const keep = (access: AuditAccess) => trail.keep({ ...agent, ...access })
  const guard: Recorder['guard'] = (tried, run) => recordingRefusal(keep, tried, run)
  const commit = async <T>(tried: Tried, run: Run<T>): Promise<T> => {
    let noted: Noted[] = []
    const result = await store
      .atomic(async (inner, connection) => {
        // A commit that conflicted with another is tried again from the start.
        const gathered: Noted[] = []
        noted = gathered
        const answer = await run(notingStore(inner, registry, gathered), connection)
        const done = together(gathered.filter(({ outcome }) => outcome < 400))
        // In the same commit: if only the refusals could not be recorded, what was written would be answered as if it were not.
        const records = [done, refusalsAmong(gathered)].flatMap(access => (access ? [{ ...agent, ...access }] : []))
        if (records.length > 0) await insertRecords(connection, records)
        return answer
      })
      .catch(async error => {
        await keepUndone(keep, tried, noted, error)
        throw error
      })
    noteRefusals(noted)
    return result
  }
  return {
    ...readingStore(store, registry, { keep, guard: (tried, run) => guard(tried, () => trail.expecting(run)) }),
    write: (writes, beside) => {
      const tried = writeAsked(writes)
      return guard(tried, () => commit(tried, inner => inner.write(writes, beside)))
    },
    settled: store.settled,
    settleQuarantined: async (...asked) => {
      const [, , settling, beside] = asked
      if (beside === undefined)
        return commit({ interaction: 'transaction', type: 'Observation' }, inner => inner.settleQuarantined(...asked))
      const settled = await store.settleQuarantined(...asked)
      const records = settledAccesses(settled, settling).map(access => ({ ...agent, ...access }))
      if (records.length > 0) await insertRecords(beside, records)
      return settled
    },
    removeRefused: id => commit({ interaction: 'delete', type: 'Observation' }, inner => inner.removeRefused(id)),
    keepRefused: refused =>
      commit({ interaction: 'transaction', type: 'Observation' }, inner => inner.keepRefused(refused)),
    trying: (writes, run) =>
      guard(writeAsked(writes), async () => {
        const noted: Noted[] = []
        const found = await store.trying(writes, inner => run(notingStore(inner, registry, noted)))
        const done = together(noted)
        if (done !== undefined) await keep(done)
        return found
      }),
    atomic: run => guard({ interaction: 'transaction' }, () => commit({ interaction: 'transaction' }, run)),
  }
}

type Run<T> = (store: Store, connection: Connection) => Promise<T>

/** Within a transaction: gathers what is to be recorded at its end. A refusal that is thrown ends the transaction, and is recorded then. */
const notingStore = (store: Store, registry: Registry, noted: Noted[]): Store => {
  const keep: Keep = async access => {
    noted.push(access)
  }
  return {
    ...readingStore(store, registry, { keep, guard: (_, run) => run() }),
    write: async (writes, beside) => {
      const written = await store.write(writes, beside)
      noted.push(...(await writtenAccesses(store, registry, writes, written)))
      return written
    },
    settled: store.settled,
    settleQuarantined: async (...asked) => {
      const settled = await store.settleQuarantined(...asked)
      noted.push(...settledAccesses(settled, asked[2]))
      return settled
    },
    removeRefused: async id => {
      const settled = await store.removeRefused(id)
      noted.push(...settledAccesses(settled, { kind: 'removed' }))
      return settled
    },
    keepRefused: async refused => {
      const kept = await store.keepRefused(refused)
      noted.push(...keptAccesses(refused, kept))
      return kept
    },
    trying: (writes, run) => store.trying(writes, inner => run(notingStore(inner, registry, noted))),
    atomic: async run => {
      const gathered: Noted[] = []
      try {
        const done = await store.atomic((inner, connection) => run(notingStore(inner, registry, gathered), connection))
        noted.push(...gathered)
        return done
      } catch (error) {
        noted.push(...toldOfUndone(gathered, error))
        throw error
      }
    },
  }
}
