import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import { exactKindOf } from '../../access/consent.ts'
import { kindOfClass } from '../../access/shared-type.ts'
import { askOf, textAsks } from '../../access/text-asks.ts'
import { extensions } from '../../fhir/canonical.ts'
import { extensionOf, extensionsOf } from '../../fhir/extension.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { namedId } from '../../fhir/reference.ts'

/** What a study asks for: a kind of data from one source, or from any. */
export type RequestedData = {
  readonly kind: string
  /** Id of the source Device; undefined: any. */
  readonly source: string | undefined
  readonly extension: Extension
}

/** What the study's people are asked for: only what its text names, if that names anything. */
export const requestedData = (study: ResearchStudy, classes: CodeClasses): readonly RequestedData[] => {
  const asks = textAsks(study)
  const all = everyRequest(study, classes)
  return asks === undefined ? all : all.filter(({ kind, source }) => asks.has(askOf(kind, source)))
}

/** Every request in the study, also one that its text does not name yet. */
export const everyRequest = (study: ResearchStudy, classes: CodeClasses): readonly RequestedData[] =>
  extensionsOf(study, extensions.requestedData).flatMap(entry => {
    const concept = extensionOf(entry, 'kind')?.valueCodeableConcept
    const kind =
      concept === undefined
        ? kindOfClass(extensionOf(entry, 'class')?.valueCoding ?? {})
        : exactKindOf(concept, classes)
    if (kind === undefined) return []
    const sources = extensionsOf(entry, 'source').flatMap(
      ({ valueReference }) => namedId(valueReference, 'Device') ?? [],
    )
    return (sources.length === 0 ? [undefined] : sources).map(source => ({ kind, source, extension: entry }))
  })
