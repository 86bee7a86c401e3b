import type { ResearchStudy } from '@medplum/fhirtypes'

/** Compares names as people expect them in a list: Unit 2 comes before Unit 10. */
export const nameOrder = new Intl.Collator('en', { numeric: true }).compare

/** For lists of studies, those without a title last. */
export const byTitle = (one: Pick<ResearchStudy, 'title'>, other: Pick<ResearchStudy, 'title'>): number =>
  Number(one.title === undefined) - Number(other.title === undefined) || nameOrder(one.title ?? '', other.title ?? '')
