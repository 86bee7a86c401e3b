import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { missingForPatients } from '../../studies/definition/study-text.ts'
import { type Html, html } from '../page/html.ts'

/**
 * What is to be done before patients can be asked; undefined if that is possible, or was. A study that asks them already, as one that older versions
 * made without a reason, may lack something all the same.
 */
export const nextStep = ({ id, study }: ChangeableStudy, classes: CodeClasses): Html | undefined => {
  if (study.status === 'completed' || study.status === 'withdrawn') return undefined
  const missing = missingForPatients(study, classes)
  if (missing.length > 0) {
    const needs = study.status === 'in-review' ? 'Before patients can be asked, the study' : 'The study'
    return html`<p>${needs} still needs: ${missing.join(', ')}.</p>`
  }
  if (study.status !== 'in-review') return undefined
  return html`<p>The study has everything that patients need to be asked. When it is to begin, set its <a href="/studies/${id}/settings/status">status</a> to “Active”.</p>`
}
