import type { ResearchStudy } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'

/** Whether staff of the study may record consents that were signed on paper. */
export const allowsPaper = ({ extension = [] }: ResearchStudy): boolean =>
  extension.some(({ url, valueBoolean }) => url === extensions.paperConsent && valueBoolean === true)
