import type { ResearchStudy } from '@medplum/fhirtypes'
import { reasonNotRead } from '../../studies/definition/study-status.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'

/** Says why nothing of what patients share is shown; undefined if the study is read now. */
export const notRead = (study: ResearchStudy): Html | undefined => {
  const why = reasonNotRead(study)
  return why === undefined
    ? undefined
    : notice(
        'standing',
        html`<p>Nobody reads anything for this study now: ${why}. What patients have answered stays.</p>`,
      )
}
