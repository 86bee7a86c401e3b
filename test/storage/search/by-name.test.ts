import type { HumanName, Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { openWorld } from '../model/world.ts'

const world = await openWorld()
t.teardown(world.close)
const registry = loadRegistry()

const named = (id: string, ...name: HumanName[]): Patient => ({ resourceType: 'Patient', id, name })
await world.put(
  named('a', { family: 'Ost', given: ['Ann'] }),
  named('b', { family: 'Ost' }),
  named('c', { family: 'Ost' }),
  named('d', { family: 'West' }),
  named('e', { given: ['Eve'] }),
  ...['f', 'g', 'h', 'i'].map(id => named(id, { text: id })),
)

const idsOf = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id)

/** As versions wrote it in which nothing stood in the place of a name that somebody does not have. */
const asBefore = (cursor: string): string => {
  const { values, ...at } = JSON.parse(cursor)
  return JSON.stringify({ ...at, values: values.map((value: string | null) => (value === '\uffff' ? null : value)) })
}

t.test('links that were made before the index of names lead on, and back, behind those who lack a name', async t => {
  for (const sort of ['family,given', 'given', 'family,birthdate']) {
    const asked = parseSearch(registry, 'Patient', new URLSearchParams(`_sort=${sort}&_count=1`))
    const all = idsOf((await world.importer.search({ ...asked, count: 100 })).entries)
    const [forwards, backwards]: [string[], string[]] = [[], []]
    let page = await world.importer.search(asked)
    forwards.push(...idsOf(page.entries))
    while (page.next !== undefined) {
      page = await world.importer.search({ ...asked, cursor: asBefore(page.next) })
      forwards.push(...idsOf(page.entries))
    }
    while (page.previous !== undefined) {
      page = await world.importer.search({ ...asked, cursor: asBefore(page.previous) })
      backwards.unshift(...idsOf(page.entries))
    }
    t.strictSame([forwards, backwards], [all, all.slice(0, -1)], sort)
  }
})
