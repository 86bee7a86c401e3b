import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { missingForPatients } from '../../studies/definition/study-text.ts'
import { type Html, html } from '../page/html.ts'

/** What is to be done before patients can be asked; undefined if that is possible, or was. */
export const nextStep = ({ id, study }: ChangeableStudy, classes: CodeClasses): Html | undefined => {
  const missing = missingForPatients(study, classes)
  if (missing.length > 0)
    return html`<p>Before patients can be asked, the study still needs: ${missing.join(', ')}.</p>`
  if (study.status !== 'in-review') return undefined
  return html`<p>The study has everything that patients need to be asked. When it is to begin, set its <a href="/studies/${id}/settings/status">status</a> to “Active”.</p>`
}
