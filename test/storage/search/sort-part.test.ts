import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { parseSearch } from '../../../src/search/parse.ts'
import { searchPage } from '../../../src/storage/search/search.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openFullStore } from '../../support/full-store.ts'

const { database, registry, store, searching, close } = await openFullStore()
t.teardown(close)

/** Pages as they are read from what a link of an earlier version carries, which had those of one time the last made first. */
t.test(
  'whoever goes on with a link of an earlier version is told of all that have the time at which it ended',
  async t => {
    const noon = '2026-01-02T12:00:00Z'
    const ids = ['first', 'second', 'third', 'fourth', 'undated', 'also-undated']
    const made = ids.map(
      (id, index): Observation => ({
        resourceType: 'Observation',
        id,
        status: 'final',
        code: { text: 'pulse' },
        ...(index < 4 && { effectiveDateTime: noon }),
      }),
    )
    await store.write(made.map(resource => ({ kind: 'update', resource, id: resource.id ?? '' })))
    const asked = parseSearch(registry, 'Observation', new URLSearchParams('_sort=date&_count=2'))
    const following = async (cursor: string | undefined, to: 'next' | 'previous'): Promise<string[]> => {
      const page = await searchPage(database, searching(), { ...asked, cursor })
      const found = page.entries.map(({ id }) => id)
      return page[to] === undefined ? found : [...found, ...(await following(page[to], to))]
    }
    t.strictSame(await following(undefined, 'next'), ids, 'its own links lead to each once')
    const { pk } = await database.one<{ pk: string }>(sql.fragment`SELECT pk FROM observation WHERE id = 'third'`)
    const earlier = (more: object) => JSON.stringify({ values: ['2026-01-02 12:00:00+00'], pk, ...more })
    t.strictSame(await following(earlier({}), 'next'), ids)
    t.strictSame((await following(earlier({ before: true }), 'previous')).toSorted(), ids.slice(0, 4).toSorted())
    const unknown = earlier({ values: [null], pk: '9223372036854775807' })
    t.strictSame(await following(unknown, 'next'), ids.slice(4), 'nor is one left out of those without a time')
  },
)
