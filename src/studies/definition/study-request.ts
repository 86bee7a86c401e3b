import type { Device, Extension, ResearchStudy } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Wording } from '../../fhir/translation.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Store } from '../../storage/store.ts'
import { deviceName } from '../display-name.ts'
import { codingOf } from './kind-coding.ts'
import { everyRequest } from './requested-data.ts'
import { isRetired } from './source.ts'
import { withReason } from './study-words.ts'
import { withExtensions } from './with-extensions.ts'

/** What a study asks for, an entry of its own for each kind with its sources and its reason. */
export type StudyRequest = {
  readonly kind: string
  /** Ids of source Devices; none: any. */
  readonly sources: readonly string[]
  readonly reason: string
  readonly extension: Extension
}

export const requestsOf = (study: ResearchStudy, classes: CodeClasses): readonly StudyRequest[] => {
  const byEntry = Map.groupBy(everyRequest(study, classes), ({ extension }) => extension)
  return [...byEntry].map(([extension, asked]) => ({
    kind: asked[0]?.kind ?? '',
    sources: asked.flatMap(({ source }) => source ?? []),
    reason: extension.extension?.find(({ url }) => url === 'reason')?.valueString ?? '',
    extension,
  }))
}

/** By what is asked, and not by its place. */
export const requestName = ({ kind, sources }: StudyRequest): string => `${kind}@${sources.join('+')}`

/** Why, in the study's own language and in further ones; the empty text where it is not said. */
export type Reason = { readonly reason: string; readonly translations: readonly Wording[] }

type NewRequest = Reason & { readonly kind: string; readonly source: string | undefined }

/** The study asking for one thing more. */
export const withRequest = (study: ResearchStudy, asked: NewRequest, classes: CodeClasses): ResearchStudy => {
  const { kind, source, reason, translations } = asked
  const text = displayOf(kind, classes)
  const entry: Extension = {
    url: extensions.requestedData,
    extension: [
      { url: 'kind', valueCodeableConcept: { coding: [codingOf(kind, classes)], text } },
      ...(source === undefined ? [] : [{ url: 'source', valueReference: { reference: `Device/${source}` } }]),
    ],
  }
  return withExtensions(study, [...(study.extension ?? []), withReason(entry, reason, translations)])
}

/** The study with another reason for an entry of its own. */
export const withRequestReason = (
  study: ResearchStudy,
  { extension }: StudyRequest,
  { reason, translations }: Reason,
): ResearchStudy =>
  withExtensions(
    study,
    (study.extension ?? []).map(one => (one === extension ? withReason(one, reason, translations) : one)),
  )

/** The study without an entry of its own. */
export const withoutRequest = (study: ResearchStudy, { extension }: StudyRequest): ResearchStudy =>
  withExtensions(
    study,
    (study.extension ?? []).filter(one => one !== extension),
  )

/** Of kinds of Observations, and of types of other resources. */
export const displayOf = (kind: string, classes: CodeClasses): string =>
  classes.kinds().find(({ key }) => key === kind)?.display ?? kind.slice(kind.lastIndexOf('|') + 1)

/** The sources of data that are known here, the first by name; those that are retired are among them. */
export const findSources = async (
  store: Pick<Store, 'search'>,
  registry: Registry,
): Promise<readonly { readonly id: string; readonly name: string; readonly isRetired: boolean }[]> => {
  const query = new URLSearchParams({ 'patient:missing': 'true', _count: '1000' })
  const { entries } = await store.search(parseSearch(registry, 'Device', query))
  return entries
    .map(({ id, content }) => ({ id, device: JSON.parse(content) as Device }))
    .map(({ id, device }) => ({ id, name: deviceName(device), isRetired: isRetired(device) }))
    .toSorted((one, other) => one.name.localeCompare(other.name))
}
