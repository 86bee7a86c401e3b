import type { Choices, PatientChoice } from '../../auth/request/patient-choice.ts'
import type { AskingClient, UserInteraction } from '../../auth/request/user-interaction.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Words } from '../../messages/catalogue.ts'
import { box, notice, postForm } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { moment, phrase } from '../page/time.ts'
import { dateShown } from '../page/typed-day.ts'
import { type AskedPart, isNarrowable, partsAsked } from './asked-scope.ts'
import { sentenceOf, type Whose } from './scope-sentence.ts'

/** What the person has ticked and typed so far. */
export type AuthorizeState = {
  readonly scopes: ReadonlySet<string>
  /** Keys of the kinds of data to which measurements are narrowed; undefined if they are not. */
  readonly kinds: ReadonlySet<string> | undefined
  /** Empty if none is chosen. */
  readonly patient: string
  /** The name by which to search for patients. */
  readonly name: string
  readonly problem: DecisionProblem | undefined
}

export type DecisionProblem = 'nothing' | 'required' | 'forbidden' | 'other-person' | 'other-patient'

type Shown = Pick<Extract<UserInteraction, { kind: 'decide' }>, 'id' | 'client' | 'scopes' | 'study' | 'until'> & {
  readonly words: Words
  readonly token: string
  readonly classes: CodeClasses
  readonly who: { readonly person: string; readonly name: string; readonly email: string | undefined }
  /** Where to sign in as somebody else. */
  readonly signInAs: string
  readonly whose: Whose
  /** Whom the launch is about, if that is not the person who decides. */
  readonly about: PatientChoice | undefined
  /** Undefined if there is no choice. */
  readonly choices: Awaited<ReturnType<Choices['find']>> | undefined
  readonly state: AuthorizeState
}

/** The whole page: who asks, who decides, and the form. Only what is ticked in it is granted. */
export const authorizeContent = (shown: Shown): Html => {
  const { id, client, words, token, who, state } = shown
  const { say } = words
  const name = html`<strong>${who.name || who.email || say('allow.nameless')}</strong>${who.name !== '' && who.email && ` (${who.email})`}`
  return html`<h1>${say('allow.title', { app: client.name })}</h1>
${state.problem && notice('problem', html`<p>${say(`allow.${state.problem}`)}</p>`)}
${asking(words, client)}
<p>${phrase(words, 'allow.signed-in', { name })} <a href="${shown.signInAs}">${say('allow.other')}</a></p>
${postForm({ action: `/authorize/${id}`, token, hidden: { person: who.person }, novalidate: true }, answer(shown))}`
}

const answer = (shown: Shown): Html => {
  if (isEmpty(shown)) return cannot(shown, 'allow.beyond')
  return hasNobody(shown) ? cannot(shown, 'allow.nobody') : question(shown)
}

/**
 * Whether this person can give nothing of what was asked for: what staff see is only for apps of the organizations for which they work. To stay
 * connected is worth nothing by itself.
 */
const isEmpty = ({ scopes }: Shown): boolean => partsAsked(scopes).every(({ group }) => group === 'connected')

/** Whether it needs a patient, and there is none whose data this person could give. */
const hasNobody = ({ choices, state }: Shown): boolean =>
  choices !== undefined && choices.patients.length === 0 && !choices.more && state.name === ''

const cannot = (
  { words: { say }, client: { name } }: Shown,
  why: 'allow.beyond' | 'allow.nobody',
): Html => html`<div class="alert alert-danger">
<h2>${say('allow.cannot')}</h2>
<p>${say(why, { app: name })}</p>
</div>
<div class="d-flex flex-wrap gap-3 mt-4">
<button name="decision" value="deny" class="btn btn-outline-primary">${say('allow.to-app')}</button>
</div>`

const question = (shown: Shown): Html => {
  const { about, choices, study, state, words } = shown
  const { say } = words
  const parts = partsAsked(shown.scopes)
  return html`${about && html`<dl><dt>${say('allow.whose')}</dt><dd>${nameAndBirth(words, about)}</dd></dl>`}
${choices && patientChoice(words, choices, state)}
<h2>${say('allow.what')}</h2>
<p>${say('allow.untick')}</p>
${study && html`<p>${say('allow.study')}</p>`}
${groups.map(group =>
  partGroup(
    say(`allow.${group}`),
    parts.filter(part => part.group === group),
    shown,
  ),
)}
${parts.some(isNarrowable) && kindChoice(shown)}
<div class="d-flex flex-wrap gap-3 mt-4">
<button name="decision" value="allow" class="btn btn-primary">${say('allow.allow')}</button>
<button name="decision" value="deny" class="btn btn-primary">${say('allow.deny')}</button>
</div>`
}

const asking = (words: Words, { name, organization, selfRegistered, redirectUri, pages }: AskingClient): Html => {
  const { say } = words
  return html`<p>${phrase(words, 'allow.asks', { app: html`<strong>${name}</strong>` })}</p>
${
  selfRegistered &&
  html`<div class="alert alert-danger"><p><strong>${say('allow.unknown')}</strong> ${say('allow.unknown-text')}</p></div>`
}
<dl>
${organization && html`<dt>${say('allow.belongs')}</dt><dd>${organization}</dd>`}
<dt>${say('allow.back')}</dt><dd>${redirectUri}</dd>
${ownPages.map(what => appPage(words, what, pages[what]))}
</dl>`
}

const ownPages = ['home', 'policy', 'terms'] as const

/** No logos of apps are shown: whoever serves them would learn who looks at this page. */
const appPage = ({ say }: Words, what: (typeof ownPages)[number], uri: string | undefined): Html | undefined =>
  uri === undefined
    ? undefined
    : html`<dt>${say(`allow.${what}`)}</dt><dd><a href="${uri}" target="_blank" rel="noopener noreferrer">${new URL(uri).host}<span class="text-body-secondary"> (${say('allow.new-tab')})</span></a></dd>`

const groups = ['read', 'write', 'connected'] as const

const partGroup = (
  title: string,
  parts: readonly AskedPart[],
  { words, whose, classes, state, until }: Shown,
): Html | false =>
  parts.length > 0 &&
  html`<fieldset>
<legend class="fs-5 fw-semibold">${title}</legend>
${parts.map(part => {
  const { value, scope } = part
  const isEnding = until !== undefined && value === 'offline_access'
  const text = isEnding
    ? phrase(words, 'scope.offline_until', { until: moment(until, words) })
    : sentenceOf(words, part, whose, classes)
  const isWildcard = scope?.type === '*'
  const careful = html`<span class="d-block text-danger-emphasis">${words.say('allow.everything')}</span>`
  const label = isWildcard ? html`${text}${careful}` : text
  return box({ type: 'checkbox', name: 'scope', value, isChosen: state.scopes.has(value), label })
})}
</fieldset>`

/** Kinds can be ticked once that has been asked for; somebody who does not see them gives all. */
const kindChoice = ({ scopes, words, classes, state: { kinds } }: Shown): Html => {
  const { say } = words
  const read = partsAsked(scopes).filter(({ group }) => group === 'read')
  const isBesideWildcard = read.some(({ scope }) => scope?.type === '*')
  const isBesideOthers = read.some(part => part.scope?.type === 'Observation' && !isNarrowable(part))
  if (kinds === undefined)
    return html`<p>${say('allow.all-kinds')} <button name="decision" value="some-kinds" class="btn btn-outline-primary">${say('allow.some-kinds')}</button></p>`
  return html`<input type="hidden" name="kinds" value="some">
<fieldset>
<legend class="fs-5 fw-semibold">${say('allow.only-kinds')}</legend>
<p class="text-body-secondary">${say('allow.only-kinds-text')}${isBesideOthers && ` ${say('allow.only-kinds-above')}`}${isBesideWildcard && ` ${say('allow.only-kinds-everything')}`}</p>
<div class="columns">${classes
    .kinds()
    .map(({ key, display }) =>
      box({ type: 'checkbox', name: 'kind', value: key, isChosen: kinds.has(key), label: words.kind(key, display) }),
    )}</div>
<p><button name="decision" value="all-kinds" class="btn btn-outline-primary">${say('allow.include-all')}</button></p>
</fieldset>`
}

const patientChoice = (
  words: Words,
  { patients, more }: NonNullable<Shown['choices']>,
  { patient, name }: AuthorizeState,
): Html => {
  const { say } = words
  return html`<fieldset>
<legend class="fs-5 fw-semibold">${say('allow.whose')}</legend>
${
  (more || name !== '') &&
  html`<div class="mb-3"><label for="name" class="form-label fw-semibold">${say('allow.find-label')}</label>
<div class="input-group"><input id="name" name="name" type="text" autocomplete="off" class="form-control" value="${name}"><button name="decision" value="find" class="btn btn-outline-primary">${say('allow.find')}</button></div></div>`
}
${patients.length === 0 && html`<p>${say('allow.no-such')}</p>`}
${more && html`<p class="text-body-secondary">${say('allow.first', { count: patients.length })}</p>`}
${patients.map(one => {
  const isOnly = patients.length === 1 && name === '' && !more
  const label = nameAndBirth(words, one)
  return box({ type: 'radio', name: 'patient', value: one.id, isChosen: one.id === patient || isOnly, label })
})}
</fieldset>`
}

const nameAndBirth = (words: Words, { name, birthDate }: PatientChoice): Html => {
  const born = birthDate && words.say('allow.born', { date: dateShown(birthDate, words) })
  return html`${name}${born && html` <span class="text-body-secondary">${born}</span>`}`
}
