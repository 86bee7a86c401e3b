import type { ResearchStudy } from '@medplum/fhirtypes'
import { extensions } from '../fhir/canonical.ts'

/**
 * What the last version of a study's patient text asks for: what was added to the study later is asked of nobody until a version names
 * it. Undefined where the text leaves it to the study.
 */
export const textAsks = ({ extension = [] }: ResearchStudy): ReadonlySet<string> | undefined => {
  const last = extension.findLast(({ url }) => url === extensions.patientText)
  const asks = (last?.extension ?? []).flatMap(({ url, valueString }) => (url === 'asks' ? (valueString ?? []) : []))
  return asks.length === 0 ? undefined : new Set(asks)
}

/** A kind of data from one source, by the id of its Device, or from any. */
export const askOf = (kind: string, source: string | undefined): string =>
  source === undefined ? kind : `${kind} Device/${source}`
