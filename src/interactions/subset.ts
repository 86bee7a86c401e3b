import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import type { Subset } from '../fhir/subset.ts'
import { refusal } from '../search/refusal.ts'
import { parseElements, parseSummary } from '../search/result-parameter.ts'
import type { Store, Whole } from '../storage/store.ts'

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
