import type { ResearchStudy } from '@medplum/fhirtypes'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { chosenIn } from '../../storage/model/study.ts'
import { factsOf } from '../../studies/definition/study-facts.ts'
import { displayOf, requestsOf } from '../../studies/definition/study-request.ts'
import { statusText } from '../../studies/definition/study-status.ts'
import { ownLanguage } from '../../studies/definition/study-words.ts'
import { type Html, html } from '../page/html.ts'
import { worded } from '../page/wording.ts'

/** What a study is, for everybody who may read it: only those who may change it find its settings. */
export const studyDefinition = (study: ResearchStudy, classes: CodeClasses): Html => {
  const { purpose, approval, start, end } = factsOf(study)
  const kinds = [...new Set(requestsOf(study, classes).map(({ kind }) => displayOf(kind, classes)))]
  return html`<dl>
<dt>Status</dt><dd>${statusText(study)}</dd>
${purpose !== '' && html`<dt>Description</dt><dd class="as-written">${worded({ text: purpose, language: ownLanguage(study) }, english)}</dd>`}
${approval !== '' && html`<dt>Approval number</dt><dd>${approval}</dd>`}
${(start !== '' || end !== '') && html`<dt>Days</dt><dd>${daysText(start, end)}</dd>`}
<dt>Asks for</dt><dd>${kinds.length === 0 ? 'Nothing yet' : english.list(kinds)}</dd>
<dt>Staff know patients</dt><dd>${chosenIn(study, 'identity') === 'identified' ? 'by name' : 'by a code'}</dd>
<dt>Who reads what they share</dt><dd>its named staff${chosenIn(study, 'access') !== 'staff' && ', and everybody in its organization and in those below it'}</dd>
</dl>`
}

/** Days of studies are in UTC. */
const daysText = (start: string, end: string): string => {
  if (start === '') return `until ${end} (UTC)`
  return end === '' ? `from ${start} on (UTC)` : `from ${start} to ${end} (UTC)`
}

const english = wordsFor('en')
