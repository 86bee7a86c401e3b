import type { ResearchStudy } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { translationIssues } from '../../fhir/translation.ts'

/** Refuses translations that are wrong. Patients read title, purpose and reasons in their own language if the study says them in it. */
export const refuseTranslations = (study: ResearchStudy): void => {
  const { extension = [], language: own = 'en' } = study
  const [first, ...others] = [
    ...translationIssues(study, 'title', { at: 'ResearchStudy.title', kind: 'string', own }),
    ...translationIssues(study, 'description', { at: 'ResearchStudy.description', kind: 'markdown', own }),
    ...extension.flatMap(({ url, extension: parts = [] }, index) =>
      url === extensions.requestedData
        ? parts.flatMap((part, place) => {
            const at = `ResearchStudy.extension[${index}].extension[${place}].value`
            return part.url === 'reason' ? translationIssues(part, 'valueString', { at, kind: 'string', own }) : []
          })
        : [],
    ),
  ]
  if (first !== undefined) throw FhirError.of([first, ...others])
}
