import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { openSent } from '../../../src/interactions/search/still-seen.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import type { Stored } from '../../../src/storage/store.ts'

const asked = parseSearch(loadRegistry(), 'Observation', new URLSearchParams())
const one = (id: string, patientId: number, kindId: number) =>
  ({ type: 'Observation', id, patientId, kindId }) as Stored

/** What was sent in two pages, of which these cannot be seen any more. */
const sentOf = (pages: readonly (readonly Stored[])[], lost: readonly string[]) => {
  const sent = openSent(asked, { unseen: async (_, ids) => ids.filter(id => lost.includes(id)) })
  for (const page of pages) sent.note(page)
  return sent
}

const pages = [
  [one('a', 1, 1), one('b', 1, 1), one('c', 2, 1)],
  [one('d', 1, 1), one('e', 2, 1), one('f', 2, 5)],
]

t.test('an answer is whole if its reader still sees the first and the last of each kind of each patient', async t => {
  await t.resolves(sentOf(pages, []).requireSeen())
  await t.resolves(sentOf(pages, ['b']).requireSeen(), 'what is in between is not asked')
  await t.resolves(sentOf([], ['a']).requireSeen(), 'nothing was sent')
})

t.test('it is not if they lost one of these', async t => {
  const message = 'Some of what this answers can no longer be seen by its reader: ask for it anew'
  for (const lost of ['a', 'd', 'c', 'e', 'f']) await t.rejects(sentOf(pages, [lost]).requireSeen(), { message }, lost)
})
