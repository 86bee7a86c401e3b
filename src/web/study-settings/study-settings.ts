import type { ResearchStudy } from '@medplum/fhirtypes'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { validationPolicies } from '../../mhealth/policy.ts'
import { chosenIn } from '../../storage/model/study.ts'
import { allowsPaper } from '../../studies/definition/paper-allowed.ts'
import type { ChangeableStudy } from '../../studies/definition/study-change.ts'
import { factsOf } from '../../studies/definition/study-facts.ts'
import { displayOf, requestsOf } from '../../studies/definition/study-request.ts'
import { staffOf } from '../../studies/definition/study-staff.ts'
import { reasonNotToAsk, statusText } from '../../studies/definition/study-status.ts'
import { draftOf, missingInPublished, versionsOf } from '../../studies/definition/study-text.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import { policyOf } from '../../studies/definition/validation-policy.ts'
import { policyLabels } from '../intake/policy-field.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { requireSession } from '../page/signed-in.ts'
import { nextStep } from './next-step.ts'
import { otherReaders } from './other-readers.ts'
import { type OfStudy, sendChangePage, studyOf } from './study-changing.ts'

/** What can be changed about a study, with a page for each part, and what it still lacks. */
export const studySettingsPage: AddPage = (server, options) => {
  const { codeClasses } = options
  server.get<OfStudy>('/studies/:id/settings', { onRequest: requireSession }, async (request, reply) => {
    const changeable = await studyOf(request, options, 'either')
    const done = namedIn(told, queryOf(request).get('done'))
    return sendChangePage(reply, changeable, {
      title: 'Study settings',
      above: html`<a href="/studies/${changeable.id}">${titleOf(changeable.study)}</a>`,
      notices: done === undefined ? undefined : notice('done', html`<p>${done(changeable.study)}</p>`),
      fields: [],
      before: html`${nextStep(changeable, codeClasses)}
${!changeable.mayChange && html`<p>You name the staff of this study, other than yourself. The rest is changed by members and managers of its organization: ask one of them.</p>`}
<ul class="list-group mb-4">${parts(changeable, { classes: codeClasses, others: await otherReaders(changeable.study, options) })}</ul>
<p><a href="/studies/${changeable.id}">Back to the study</a></p>`,
    })
  })
}

type Told = { readonly classes: CodeClasses; readonly others: readonly string[] }

const parts = ({ id, study, mayChange }: ChangeableStudy, { classes, others }: Told): readonly Html[] => {
  const kinds = new Set(requestsOf(study, classes).map(({ kind }) => displayOf(kind, classes)))
  const staff = staffOf(study).filter(({ isInForce }) => isInForce)
  const said = [
    ['facts', 'About the study', factsOf(study).purpose || 'No purpose is given yet'],
    ['data', 'Data that the study asks for', [...kinds].join(', ') || 'None yet'],
    ['staff', 'Staff', staff.length === 0 ? nobodyNamed(study) : `${staff.length} at work now`],
    ['access', 'Who reads what patients share', accessSaid(study, others)],
    ['text', 'What patients read and sign', textSaid(study)],
    ['paper', 'Consents on paper', allowsPaper(study) ? 'Staff may record them' : 'Not accepted'],
    ['policy', 'How strictly documents are checked', policySaid(study)],
    ['status', 'Status', statusText(study)],
  ] as const
  return said.map(
    ([path, name, says]) => html`<li class="list-group-item">
<h2 class="fs-5">${mayChange || path === 'staff' ? html`<a href="/studies/${id}/settings/${path}">${name}</a>` : name}</h2>
<p>${says}</p>
</li>`,
  )
}

const nobodyNamed = (study: ResearchStudy): string =>
  chosenIn(study, 'access') === 'staff'
    ? 'Nobody is named yet, so no person reads what patients share'
    : 'Nobody is named yet'

const accessSaid = (study: ResearchStudy, others: readonly string[]): string => {
  const isNarrow = chosenIn(study, 'access') === 'staff'
  return ['Its named staff', ...others, ...(isNarrow ? ['nobody else of its organization'] : [])].join(', and ')
}

const policySaid = (study: ResearchStudy): string => {
  const policy = validationPolicies.find(one => one === policyOf(study))
  return policy === undefined ? 'Not specified by the study' : policyLabels[policy]
}

const textSaid = (study: ResearchStudy): string => {
  const published = versionsOf(study).at(-1)
  const lacks = missingInPublished(study).length > 0 ? ', but lacks a part' : ''
  const last = published === undefined ? 'Nothing is published yet' : `Version ${published} is published${lacks}`
  return draftOf(study) === undefined ? last : `${last}; a version is being written`
}

const saved = () => 'Saved.'

const told: Readonly<Record<string, (study: ResearchStudy) => string>> = {
  made: () => 'The study has been created. Nobody is asked for anything yet.',
  access: () => 'From now on nobody else of its organization reads what patients share.',
  facts: saved,
  status: study =>
    study.status === 'active' && reasonNotToAsk(study) === undefined
      ? 'Saved: the study is active. Patients are invited on the page of the study.'
      : 'Saved.',
  paper: saved,
  policy: saved,
  text: study =>
    study.status === 'in-review'
      ? 'The text has been published. Nobody is asked to sign it before the study is active.'
      : 'The text has been published. Everybody in the study is asked to sign it.',
}
