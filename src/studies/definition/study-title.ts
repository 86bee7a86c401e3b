import type { ResearchStudy } from '@medplum/fhirtypes'

/** A study that came by the API may have none; whoever lists it needs words to follow. */
export const titleOf = ({ title }: ResearchStudy): string => title ?? 'A study without a title'
