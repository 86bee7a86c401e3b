import type { ResearchStudy } from '@medplum/fhirtypes'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { chosenIn } from '../../storage/model/study.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { staffOf } from '../../studies/definition/study-staff.ts'
import { missingForPatients } from '../../studies/definition/study-text.ts'
import { type Html, html } from '../page/html.ts'

/**
 * What is to be done before patients can be asked; undefined if that is possible, or was. A study that asks them already, as one that older versions
 * made without a reason, may lack something all the same, and so may one that nobody would read.
 */
export const nextStep = ({ id, study }: ChangeableStudy, classes: CodeClasses): Html | undefined => {
  if (study.status === 'completed' || study.status === 'withdrawn') return undefined
  const missing = missingForPatients(study, classes)
  if (missing.length > 0) {
    const needs = study.status === 'in-review' ? 'Before patients can be asked, the study' : 'The study'
    return html`<p>${needs} still needs: ${missing.map(({ page, what }, index) => html`${index > 0 && ', '}<a href="/studies/${id}/settings/${page}">${what}</a>`)}.</p>${noReaders(id, study)}`
  }
  if (study.status !== 'in-review') return noReaders(id, study)
  return html`${noReaders(id, study)}<p>The study has everything that patients need to be asked. When it is to begin, set its <a href="/studies/${id}/settings/status">status</a> to “Active”.</p>`
}

/** Members of the organization make such a study, and cannot name themselves. */
const noReaders = (id: string, study: ResearchStudy): Html | undefined =>
  chosenIn(study, 'access') === 'staff' && !staffOf(study).some(({ isInForce }) => isInForce)
    ? html`<p>No person reads what patients share before its <a href="/studies/${id}/settings/staff">staff</a> are named.</p>`
    : undefined
