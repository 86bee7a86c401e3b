import type { Device, Extension, ResearchStudy } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { deviceNameOrId } from '../../fhir/display-name.ts'
import { extensionOf } from '../../fhir/extension.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Wording } from '../../fhir/translation.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Store } from '../../storage/store.ts'
import { codingOf } from './kind-coding.ts'
import { everyRequest } from './requested-data.ts'
import { isRetired } from './source.ts'
import { withReason } from './study-words.ts'
import { withExtensions } from './with-extensions.ts'

/** What a study asks for in one entry: a kind, with its sources and the reason. */
export type StudyRequest = {
  readonly kind: string
  /** Ids of source Devices; empty: any. */
  readonly sources: readonly string[]
  readonly reason: string
  readonly extension: Extension
}

export const requestsOf = (study: ResearchStudy, classes: CodeClasses): readonly StudyRequest[] => {
  const byEntry = Map.groupBy(everyRequest(study, classes), ({ extension }) => extension)
  return [...byEntry].map(([extension, asked]) => ({
    kind: asked[0]?.kind ?? '',
    sources: asked.flatMap(({ source }) => source ?? []),
    reason: extensionOf(extension, 'reason')?.valueString ?? '',
    extension,
  }))
}

/** For forms: made of what is asked and not of its place, which may change. */
export const requestName = ({ kind, sources }: StudyRequest): string => `${kind}@${sources.join('+')}`

/** Why it is asked for, in the study's own language and in further ones; empty if it is not said. */
export type Reason = { readonly reason: string; readonly translations: readonly Wording[] }

type NewRequest = Reason & { readonly kind: string; readonly source: string | undefined }

/** The study, asking for one thing more. */
export const withRequest = (study: ResearchStudy, asked: NewRequest, classes: CodeClasses): ResearchStudy => {
  const { kind, source, reason, translations } = asked
  const entry: Extension = {
    url: extensions.requestedData,
    extension: [
      kindAsked(kind, classes),
      ...(source === undefined ? [] : [{ url: 'source', valueReference: { reference: `Device/${source}` } }]),
    ],
  }
  return withExtensions(study, [...(study.extension ?? []), withReason(entry, reason, translations)])
}

/** The part of a request that says which kind is asked for. */
export const kindAsked = (kind: string, classes: CodeClasses): Extension => ({
  url: 'kind',
  valueCodeableConcept: { coding: [codingOf(kind, classes)], text: displayOf(kind, classes) },
})

/** The study with another reason for one of its requests. */
export const withRequestReason = (
  study: ResearchStudy,
  { extension }: StudyRequest,
  { reason, translations }: Reason,
): ResearchStudy =>
  withExtensions(
    study,
    (study.extension ?? []).map(one => (one === extension ? withReason(one, reason, translations) : one)),
  )

/** The study without one of its requests. */
export const withoutRequest = (study: ResearchStudy, { extension }: StudyRequest): ResearchStudy =>
  withExtensions(
    study,
    (study.extension ?? []).filter(one => one !== extension),
  )

/** The name of a kind of Observations, or of a type of other resources. */
export const displayOf = (kind: string, classes: CodeClasses): string =>
  classes.kinds().find(({ key }) => key === kind)?.display ?? kind.slice(kind.lastIndexOf('|') + 1)

/** All sources of data, by name, also those that are retired. */
export const findSources = async (
  store: Pick<Store, 'search'>,
  registry: Registry,
): Promise<readonly { readonly id: string; readonly name: string; readonly isRetired: boolean }[]> => {
  const query = new URLSearchParams({ 'patient:missing': 'true', _count: '1000' })
  const { entries } = await store.search(parseSearch(registry, 'Device', query))
  return entries
    .map(({ id, content }) => ({ id, device: JSON.parse(content) as Device }))
    .map(({ id, device }) => ({ id, name: deviceNameOrId(device), isRetired: isRetired(device) }))
    .toSorted((one, other) => one.name.localeCompare(other.name))
}
