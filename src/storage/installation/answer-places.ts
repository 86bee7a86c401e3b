import type { Access } from '../../access/access.ts'
import { all, none } from '../../search/expression.ts'
import { findUnanswered } from '../model/answered-subject.ts'
import { openStores } from '../open-stores.ts'
import { recordReindex } from './reindex-record.ts'

/** Writes, as the command line, the next version of each place in a study that says something else than the Consents to it, or than its Patient, and records that of its patient. */
export const answerPlaces = async (options: Parameters<typeof openStores>[0]): Promise<void> => {
  const storeOf = await openStores(options)
  const author = { kind: 'client', id: 'cli' } as const
  const store = storeOf({ access: butPatients, author, organizations: [], choosesIds: false, choosesOwner: false })
  for (let after = '0'; ; ) {
    const places = await findUnanswered(options.database, { after, limit: batchSize })
    const end = places.at(-1)
    if (end === undefined) return
    // What they should say is put in by the store, whatever is written there.
    await store.atomic(async (inner, connection) => {
      const written = await inner.write(
        places.map(({ id }) => ({ kind: 'patch', type: 'ResearchSubject', id, change: stored => stored })),
      )
      for (const one of written) if (one.outcome === 'refused' && !isGone.has(one.error.status)) throw one.error
      const patients = new Set(written.flatMap(one => (one.outcome === 'updated' ? one.patientId : [])))
      const reindexed = [...patients].map(patient => ({ patient }))
      await recordReindex(connection, 'ResearchSubject', reindexed)
    })
    after = end.pk
  }
}

/** Reads no Patient, so that no study is told what it could not know before. */
const butPatients: Access = (_, type) => (type === 'Patient' ? none : all)

/** Deleted since they were found. */
const isGone: ReadonlySet<number> = new Set([404, 410])

/** No patient has to wait for more than these. */
const batchSize = 100
