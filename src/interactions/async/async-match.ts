import type { BundleEntry, OperationOutcome, ResourceType } from '@medplum/fhirtypes'
import { parseSearch } from '../../search/parse.ts'
import { roomOfPage } from '../../search/room.ts'
import type { Page, Stored } from '../../storage/store.ts'
import { bundleEntry } from '../bundle/bundle-text.ts'
import type { Context } from '../interaction.ts'

/** What a search found: the ids of its matches without their content, and the outcomes beside them. */
type Found = { readonly ids: readonly string[]; readonly told: readonly OperationOutcome[] }

/** From the entries of a searchset. */
export const foundIn = (entries: Iterable<string>): string => {
  const parsed = Array.from(entries, (text): BundleEntry => JSON.parse(text))
  const found: Found = {
    ids: parsed.flatMap(({ resource, search }) => (search?.mode === 'match' && resource?.id) || []),
    told: parsed.flatMap(({ resource }) => (resource?.resourceType === 'OperationOutcome' ? resource : [])),
  }
  return JSON.stringify(found)
}

/**
 * The same entries again: those of the matches that the caller may search now, as they are now, and what comes along with them. `target`: the type,
 * and the query that was asked.
 */
export const entriesNow = async (
  text: string,
  target: string,
  { store, registry, base }: Pick<Context, 'store' | 'registry' | 'base'>,
): Promise<readonly string[]> => {
  const { ids, told }: Found = JSON.parse(text)
  const [type = '', asked] = target.split('?')
  const matches: Stored[] = []
  const included = new Map<string, Stored>()
  for (let from = 0; from < ids.length; from += idsAtOnce) {
    const some = ids.slice(from, from + idsAtOnce)
    const query = new URLSearchParams([...new URLSearchParams(asked)].filter(([name]) => isShape(name)))
    query.set('_id', some.join())
    query.set('_count', String(idsAtOnce))
    const search = { ...parseSearch(registry, type as ResourceType, query), room: roomOfPage }
    const byId = new Map<string, Stored>()
    let page: Page | undefined
    do {
      page = await store.search({ ...search, cursor: page?.next })
      for (const one of page.entries) byId.set(one.id, one)
      for (const one of page.included) included.set(`${one.type}/${one.id}`, one)
    } while (page.next !== undefined)
    matches.push(...some.flatMap(id => byId.get(id) ?? []))
  }
  for (const { type, id } of matches) included.delete(`${type}/${id}`)
  const entry = (mode: string) => (one: Stored) =>
    bundleEntry(`${base}/${one.type}/${one.id}`, one.content, { search: { mode } })
  return [
    ...told.map(outcome => bundleEntry(undefined, JSON.stringify(outcome), { search: { mode: 'outcome' } })),
    ...matches.map(entry('match')),
    ...[...included.values()].map(entry('include')),
  ]
}

const idsAtOnce = 500

/** Whether the parameter says how much of each match is served, or what comes along. */
const isShape = (name: string): boolean => /^(?:_elements|_summary|_(?:rev)?include(?::iterate)?)$/.test(name)
