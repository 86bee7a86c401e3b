import { asRecord, asText, type JsonRecord } from './json-tree.ts'
import { answerMeant } from './repair.ts'

/** Whether people reported it about themselves, by either form of the header, and any spelling that is understood. */
export const isSelfReported = (header: JsonRecord | undefined): boolean => {
  const said = asText(header?.modality ?? asRecord(header?.acquisition_provenance)?.modality) ?? ''
  return (answerMeant.get(said) ?? said) === 'self-reported'
}
