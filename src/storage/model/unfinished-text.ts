import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import { reasonAgainstText } from '../../access/text-parts.ts'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { extensionsOf } from '../../fhir/extension.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/**
 * An active study asks people to sign its text, so it begins to with none that lacks a part. One that it had already stays, for the sake of what was
 * signed before texts had to have parts. Called once the version before is in the history.
 */
export const refuseUnfinishedText = async (connection: Connection, pk: string, study: ResearchStudy): Promise<void> => {
  if (study.status !== 'active') return
  const why = reasonAgainstText(study)
  if (why === undefined) return
  const before = await connection.maybeOne<{ study: ResearchStudy | null }>(sql.fragment`
    SELECT content AS study FROM research_study_history
    WHERE patient_id = 0 AND pk = ${pk} ORDER BY version DESC LIMIT 1`)
  if (
    before?.study?.status === 'active' &&
    reasonAgainstText(before.study) !== undefined &&
    wordsOf(before.study) === wordsOf(study)
  )
    return
  throw new FhirError(
    'business-rule',
    `${why}. A study that is not active yet may have a text that is not finished; what is still being written is its patient-text-draft`,
    { expression: `ResearchStudy.extension[${study.extension?.findLastIndex(isText)}]` },
  )
}

const isText = ({ url }: Extension): boolean => url === extensions.patientText

/** What people sign, in all its languages. */
const wordsOf = (study: ResearchStudy): string => {
  const version = extensionsOf(study, extensions.patientText).at(-1) ?? {}
  return JSON.stringify(extensionsOf(version, 'text').map(({ valueAttachment }) => valueAttachment?.data))
}
