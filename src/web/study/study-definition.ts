import type { Organization, ResearchStudy } from '@medplum/fhirtypes'
import { unlessRefused } from '../../fhir/error.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { chosenIn } from '../../storage/model/study.ts'
import type { Store } from '../../storage/store.ts'
import { daysText } from '../../studies/definition/period-day.ts'
import { factsOf } from '../../studies/definition/study-facts.ts'
import { displayOf, requestsOf } from '../../studies/definition/study-request.ts'
import { sponsorOf } from '../../studies/definition/study-sponsor.ts'
import { findPractitioners, staffOf, staffRoles } from '../../studies/definition/study-staff.ts'
import { statusText } from '../../studies/definition/study-status.ts'
import { ownLanguage } from '../../studies/definition/study-words.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { worded } from '../page/wording.ts'
import { otherReaders } from '../study-settings/other-readers.ts'

/** What a study is, for everybody who may read it: only those who may change it find its settings. `store`: as the reader sees it. */
export const studyDefinition = async (study: ResearchStudy, store: Store, options: PageOptions): Promise<Html> => {
  const { codeClasses: classes } = options
  const { purpose, approval } = factsOf(study)
  const days = daysText(study.period ?? {})
  const kinds = [...new Set(requestsOf(study, classes).map(({ kind }) => displayOf(kind, classes)))]
  const organization = await organizationNameOf(study, store)
  const staff = await staffNamesOf(study, store, options)
  return html`<dl>
<dt>Status</dt><dd>${statusText(study)}</dd>
${organization !== undefined && html`<dt>Organization</dt><dd>${organization}</dd>`}
${purpose !== '' && html`<dt>Description</dt><dd class="as-written">${worded({ text: purpose, language: ownLanguage(study) }, english)}</dd>`}
${approval !== '' && html`<dt>Approval number</dt><dd>${approval}</dd>`}
${days !== undefined && html`<dt>Days</dt><dd>${days}</dd>`}
<dt>Asks for</dt><dd>${kinds.length === 0 ? 'Nothing yet' : english.list(kinds)}</dd>
<dt>Staff</dt><dd>${staff.length === 0 ? 'Nobody is named' : english.list(staff)}</dd>
<dt>Staff know patients</dt><dd>${chosenIn(study, 'identity') === 'identified' ? 'by name' : 'by a code'}</dd>
<dt>Who reads what they share</dt><dd>${['its named staff', ...(await otherReaders(study, options))].join(', and ')}</dd>
</dl>`
}

const organizationNameOf = async (study: ResearchStudy, store: Store): Promise<string | undefined> => {
  const id = sponsorOf(study)
  const found = id === undefined ? undefined : await unlessRefused(() => store.read('Organization', id))
  if (found === undefined) return undefined
  const { name = '', active }: Organization = JSON.parse(found.content)
  return active === false ? `${name}, which is closed: no patient is registered in it any more` : name
}

/** Those whose role is in force, as far as the reader may know them. */
const staffNamesOf = async (
  study: ResearchStudy,
  store: Store,
  { registry }: PageOptions,
): Promise<readonly string[]> => {
  const entries = staffOf(study).filter(({ isInForce }) => isInForce)
  const ids = entries.map(({ practitioner }) => practitioner)
  const names = (await unlessRefused(() => findPractitioners(store, registry, ids))) ?? new Map<string, string>()
  return entries.map(({ practitioner, role }) => {
    const name = names.get(practitioner) ?? 'somebody whose name you may not see'
    return role === '' ? name : `${name} (${roleText(role)})`
  })
}

const roleText = (role: string): string =>
  (staffRoles[role] ?? role)
    .split(/:| from /, 1)
    .join('')
    .toLowerCase()

const english = wordsFor('en')
