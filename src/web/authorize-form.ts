import type { AskingClient, Interaction } from '../auth/interaction.ts'
import type { Choices } from '../auth/patient-choice.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import { type AskedPart, isNarrowable, partsAsked } from './asked-scope.ts'
import { box, notice } from './form.ts'
import { type Html, html } from './html.ts'
import { sentenceOf, type Whose } from './scope-sentence.ts'

/** What the person has ticked and typed so far. */
export type AuthorizeState = {
  readonly scopes: ReadonlySet<string>
  /** Keys of the kinds of data to which measurements are narrowed; undefined where they are not. */
  readonly kinds: ReadonlySet<string> | undefined
  /** Empty where none is chosen. */
  readonly patient: string
  /** By which patients are looked for. */
  readonly name: string
  readonly problem: DecisionProblem | undefined
}

export type DecisionProblem = 'nothing' | 'required' | 'forbidden' | 'other-person'

type Shown = Pick<Extract<Interaction, { kind: 'decide' }>, 'id' | 'client' | 'scopes' | 'study'> & {
  readonly token: string
  readonly classes: CodeClasses
  readonly who: { readonly person: string; readonly name: string; readonly email: string | undefined }
  /** Where to sign in as somebody else. */
  readonly signInAs: string
  readonly whose: Whose
  /** Undefined where there is no choice. */
  readonly choices: Awaited<ReturnType<Choices['find']>> | undefined
  readonly state: AuthorizeState
}

/** All of the page: who asks, who decides, and the form. What is granted is what stands ticked in it. */
export const authorizeContent = (shown: Shown): Html => {
  const { id, client, token, who, state } = shown
  return html`<h1>Allow ${client.name}?</h1>
${state.problem && notice('problem', html`<p>${problems[state.problem]}</p>`)}
${asking(client)}
<p>You are signed in as <strong>${who.name || who.email || 'a person without a name'}</strong>${who.name !== '' && who.email && ` (${who.email})`}. <a href="${shown.signInAs}">Sign in as somebody else</a></p>
<form method="post" action="/authorize/${id}" novalidate>
<input type="hidden" name="_csrf" value="${token}">
<input type="hidden" name="person" value="${who.person}">
${hasNobody(shown) ? nobody(client) : question(shown)}
</form>`
}

/** It is about a patient, and there is none whose data this person could give. */
const hasNobody = ({ choices, state }: Shown): boolean =>
  choices !== undefined && choices.patients.length === 0 && !choices.more && state.name === ''

const nobody = ({ name }: AskingClient): Html => html`<div class="alert alert-danger">
<h2>You cannot allow this</h2>
<p>${name} asks for the data of a patient, and there is no patient whose data you may give. If you have another account, sign in with it.</p>
</div>
<div class="d-flex flex-wrap gap-3 mt-4">
<button name="decision" value="deny" class="btn btn-outline-primary">Go back to the app</button>
</div>`

const question = (shown: Shown): Html => {
  const { choices, study, state } = shown
  const parts = partsAsked(shown.scopes)
  return html`${choices && patientChoice(choices, state)}
<h2>It asks to</h2>
<p>Untick what you do not want. It never sees more than you may see yourself.</p>
${study && html`<p>It is only about one study, for which the app was opened.</p>`}
${groups.map(([group, title]) =>
  partGroup(
    title,
    parts.filter(part => part.group === group),
    shown,
  ),
)}
${parts.some(isNarrowable) && kindChoice(shown)}
<div class="d-flex flex-wrap gap-3 mt-4">
<button name="decision" value="allow" class="btn btn-primary">Allow</button>
<button name="decision" value="deny" class="btn btn-outline-primary">Deny</button>
</div>`
}

const problems: Readonly<Record<DecisionProblem, string>> = {
  nothing: 'Nothing is ticked. Tick what you want to allow, or deny it all.',
  required: 'Choose the patient whose data it is about.',
  forbidden: 'This patient is not yours to choose. Choose one of those below.',
  'other-person':
    'Somebody else has signed in since this page was opened. Look again at who is signed in, and decide then.',
}

const asking = ({
  name,
  organization,
  selfRegistered,
  redirectUri,
  pages,
}: AskingClient): Html => html`<p>The app <strong>${name}</strong> asks to use data that you may see here.</p>
${
  selfRegistered &&
  html`<div class="alert alert-danger"><p><strong>Nobody here has looked at this app.</strong> It registered itself, and its name is what it says of itself. Go on only if you know it and started it just now.</p></div>`
}
<dl>
${organization && html`<dt>It belongs to</dt><dd>${organization}</dd>`}
<dt>Afterwards you go back to</dt><dd>${redirectUri}</dd>
${pageTitles.map(([what, title]) => appPage(title, pages[what]))}
</dl>`

const pageTitles = [
  ['home', 'About the app'],
  ['policy', 'What it does with data'],
  ['terms', 'Its terms'],
] as const

/** No picture of an app is shown: whoever serves it would learn who looks at this page. */
const appPage = (title: string, uri: string | undefined): Html | undefined =>
  uri === undefined
    ? undefined
    : html`<dt>${title}</dt><dd><a href="${uri}" target="_blank" rel="noopener noreferrer">${new URL(uri).host}<span class="text-body-secondary"> (opens a new tab)</span></a></dd>`

const groups = [
  ['read', 'Read'],
  ['write', 'Add or change'],
  ['connected', 'Stay connected'],
] as const

const partGroup = (title: string, parts: readonly AskedPart[], { whose, classes, state }: Shown): Html | false =>
  parts.length > 0 &&
  html`<fieldset>
<legend class="fs-5 fw-semibold">${title}</legend>
${parts.map(part => {
  const { value, scope } = part
  const text = sentenceOf(part, whose, classes)
  const isWildcard = scope?.type === '*'
  const careful = html`<span class="d-block text-danger-emphasis">Careful: this is everything, also kinds of data that will only be added in the future.</span>`
  const label = isWildcard ? html`${text}${careful}` : text
  return box({ type: 'checkbox', name: 'scope', value, isChosen: state.scopes.has(value), label })
})}
</fieldset>`

/** Kinds are ticked on a page that was asked for: who sees none of them gives all. */
const kindChoice = ({ scopes, classes, state: { kinds } }: Shown): Html => {
  const isBesideWildcard = partsAsked(scopes).some(({ group, scope }) => group === 'read' && scope?.type === '*')
  if (kinds === undefined)
    return html`<p>All kinds of measurements are included. <button name="decision" value="some-kinds" class="btn btn-outline-primary">Choose kinds of measurements</button></p>`
  return html`<input type="hidden" name="kinds" value="some">
<fieldset>
<legend class="fs-5 fw-semibold">Only these kinds of measurements</legend>
<p class="text-body-secondary">It reads those that you tick, and no others.${isBesideWildcard && ' As long as reading everything is ticked above, it reads all of them.'}</p>
<div class="columns">${classes
    .kinds()
    .map(({ key, display }) =>
      box({ type: 'checkbox', name: 'kind', value: key, isChosen: kinds.has(key), label: display }),
    )}</div>
<p><button name="decision" value="all-kinds" class="btn btn-outline-primary">Include all kinds again</button></p>
</fieldset>`
}

const patientChoice = (
  { patients, more }: NonNullable<Shown['choices']>,
  { patient, name }: AuthorizeState,
): Html => html`<fieldset>
<legend class="fs-5 fw-semibold">Whose data is it about?</legend>
${
  (more || name !== '') &&
  html`<div class="mb-3"><label for="name" class="form-label fw-semibold">Find a patient by name</label>
<div class="input-group"><input id="name" name="name" type="text" autocomplete="off" class="form-control" value="${name}"><button name="decision" value="find" class="btn btn-outline-primary">Find</button></div></div>`
}
${patients.length === 0 && html`<p>There is no such patient whose data you may give.</p>`}
${more && html`<p class="text-body-secondary">These are the first ${patients.length}. A name finds others.</p>`}
${patients.map(one => {
  const isOnly = patients.length === 1 && name === '' && !more
  const label = html`${one.name}${one.birthDate && html` <span class="text-body-secondary">born ${one.birthDate}</span>`}`
  return box({ type: 'radio', name: 'patient', value: one.id, isChosen: one.id === patient || isOnly, label })
})}
</fieldset>`
