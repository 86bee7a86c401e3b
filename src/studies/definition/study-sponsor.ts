import type { ResearchStudy } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'

/** Id of the Organization to which the study belongs. */
export const sponsorOf = ({ sponsor }: ResearchStudy): string | undefined => namedId(sponsor, 'Organization')
