import type { Registry } from '../../fhir/registry.ts'
import { and, or } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Search } from '../../search/search.ts'
import { ended } from '../../storage/model/enrolled.ts'

/** A search of those ResearchSubjects that are not over, neither by their status nor by their period. */
export const heldPlaces = (registry: Registry, query: Readonly<Record<string, string>>): Search => {
  const parsed = (asked: Readonly<Record<string, string>>) =>
    parseSearch(registry, 'ResearchSubject', new URLSearchParams(asked))
  const search = parsed({ ...query, 'status:not': [...ended].join(',') })
  const [endless, lasting] = [parsed({ 'date:missing': 'true' }), parsed({ date: `gt${new Date().toISOString()}` })]
  return { ...search, where: and(search.where, or(endless.where, lasting.where)) }
}
