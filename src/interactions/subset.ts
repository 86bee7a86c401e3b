import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Subset } from '../fhir/subset.ts'
import { parseElements, parseSummary } from '../search/result-parameter.ts'

/** What part of a single resource is asked for: "_summary" and "_elements" hold for read and vread as for searches. */
export const subsetAsked = (registry: Registry, type: ResourceType, query: URLSearchParams): Subset | undefined => {
  const elements = query.get('_elements')
  const kind = query.has('_summary') ? parseSummary(query.get('_summary') ?? '') : undefined
  if (kind === 'count' || (kind !== undefined && elements !== null)) {
    const message =
      kind === 'count' ? 'There is nothing to count in one resource' : 'Give one of _summary and _elements'
    throw new FhirError('invalid', message, { expression: '_summary' })
  }
  if (elements !== null) return { kind: 'elements', names: parseElements(registry, type, elements) }
  return kind === undefined ? undefined : { kind }
}
