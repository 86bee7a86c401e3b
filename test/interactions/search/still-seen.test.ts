import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { openSent } from '../../../src/interactions/search/still-seen.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import type { Match, Stored } from '../../../src/storage/store.ts'

const asked = parseSearch(loadRegistry(), 'Observation', new URLSearchParams())
const one = (id: string, patientId: number, kindId: number) =>
  ({ type: 'Observation', id, patientId, kindId }) as Stored

/** What was sent in two pages, of which these can still be seen. */
const sentOf = (pages: readonly (readonly Stored[])[], seen: readonly string[]) => {
  const sent = openSent(asked, {
    matches: async ({ where }) =>
      where.kind === 'identified' ? where.ids.filter(id => seen.includes(id)).map(id => ({ id }) as Match) : [],
  })
  for (const page of pages) sent.note(page)
  return sent
}

const pages = [
  [one('a', 1, 1), one('b', 1, 1), one('c', 2, 1)],
  [one('d', 1, 1), one('e', 2, 1), one('f', 2, 5)],
]

t.test('an answer is whole if its reader still sees somewhat of each kind of each patient', async t => {
  await t.resolves(sentOf(pages, ['a', 'b', 'c', 'd', 'e', 'f']).requireSeen())
  await t.resolves(sentOf(pages, ['b', 'c', 'd', 'f']).requireSeen(), 'one may have been deleted meanwhile')
  await t.resolves(sentOf([], []).requireSeen(), 'nothing was sent')
})

t.test('it is not if they lost a patient, or a kind of one', async t => {
  const lost = { message: 'Some of what this answers can no longer be seen by its reader: ask for it anew' }
  await t.rejects(sentOf(pages, ['a', 'd']).requireSeen(), lost)
  await t.rejects(sentOf(pages, ['a', 'd', 'c', 'e']).requireSeen(), lost)
})
