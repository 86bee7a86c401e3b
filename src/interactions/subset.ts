import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import type { Subset } from '../fhir/subset.ts'
import { refusal } from '../search/refusal.ts'
import { parseElements, parseSummary } from '../search/result-parameter.ts'
import type { Store, Stored, Whole } from '../storage/store.ts'
import type { RequestHeaders } from './interaction.ts'

/**
 * Which part of a resource is asked for: `_summary` and `_elements` work for read, vread and histories as they do for searches. If there are several
 * types, each element need belong to one of them only.
 */
export const subsetAsked = (
  registry: Registry,
  types: readonly ResourceType[],
  query: URLSearchParams,
): Subset | undefined => {
  const elements = query.get('_elements')
  const kind = query.has('_summary') ? parseSummary(query.get('_summary') ?? '') : undefined
  if (kind === 'count') throw refusal('_summary', 'Only a search is counted; accepted: true, text, data, false')
  if (kind !== undefined && elements !== null) throw refusal('_summary', 'Give one of _summary and _elements')
  if (elements !== null) return { kind: 'elements', names: parseElements(registry, types, elements) }
  return kind === undefined ? undefined : { kind }
}

export const inPart = async <One extends Whole>(
  store: Pick<Store, 'subset'>,
  versions: readonly One[],
  subset: Subset | undefined,
): Promise<readonly One[]> => (subset === undefined ? versions : store.subset(versions, subset))

/** "The _summary parameter does not apply" where the content of a Binary itself is answered: https://hl7.org/fhir/R4/binary.html#rest */
export const oneInPart = async (
  store: Pick<Store, 'subset'>,
  stored: Stored,
  subset: Subset | undefined,
  { answersContent }: Pick<RequestHeaders, 'answersContent'>,
): Promise<Stored> => {
  if (subset !== undefined && answersContent?.(JSON.parse(stored.content).contentType)) return stored
  const [part = stored] = await inPart(store, [stored], subset)
  return part
}
