import { asRecord, asText, type JsonRecord } from './json-tree.ts'
import { answerMeant } from './repair.ts'

/** Whether people say of themselves what was measured: in either form of the header, and in each spelling that is read so. */
export const isSelfReported = (header: JsonRecord | undefined): boolean => {
  const said = asText(header?.modality ?? asRecord(header?.acquisition_provenance)?.modality) ?? ''
  return (answerMeant.get(said) ?? said) === 'self-reported'
}
