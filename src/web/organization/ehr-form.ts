import { toIssuer } from '../../auth/ehr/launches.ts'
import { type SaidEhr, usualScope } from '../../auth/ehr/said-ehr.ts'
import { FhirError } from '../../fhir/error.ts'
import type { SmartClientConfig } from '../../storage/ehr/smart-client-config.ts'
import { box, type Field, field, postForm, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { typed } from '../page/typed.ts'

/** The values of the fields, and what is wrong with them. The secret is never sent back. */
export type EhrState = {
  readonly values: Readonly<Record<FieldName, string>>
  readonly problems: Readonly<Partial<Record<FieldName, string>>>
}

const fieldNames = [
  'issuer',
  'client_id',
  'authentication',
  'secret',
  'scope',
  'nonce',
  'launches',
  'frame_origins',
] as const
type FieldName = (typeof fieldNames)[number]

export const emptyEhr: EhrState = {
  values: {
    issuer: '',
    client_id: '',
    authentication: 'none',
    secret: '',
    scope: usualScope,
    nonce: 'required',
    launches: 'allowed',
    frame_origins: '',
  },
  problems: {},
}

export const ehrStateOf = (config: SmartClientConfig): EhrState => ({
  values: {
    issuer: config.issuer,
    client_id: config.clientId,
    authentication: config.authentication,
    secret: '',
    scope: config.scope,
    nonce: config.requiresNonce ? 'required' : 'none',
    launches: config.enabled ? 'allowed' : 'refused',
    frame_origins: config.frameOrigins.join('\n'),
  },
  problems: {},
})

export const typedEhr = (body: unknown): EhrState => {
  const values = Object.fromEntries(fieldNames.map(name => [name, typed(body, name)]))
  return { values: values as EhrState['values'], problems: {} }
}

export const saidEhrBy = ({ values }: EhrState): SaidEhr => ({
  issuer: toIssuer(values.issuer.trim()),
  clientId: values.client_id.trim(),
  authentication: methods.find(([method]) => method === values.authentication)?.[0] ?? 'none',
  secret: values.secret.trim(),
  scope: wordsOf(values.scope).join(' '),
  requiresNonce: values.nonce !== 'none',
  enabled: values.launches !== 'refused',
  frameOrigins: wordsOf(values.frame_origins),
})

const wordsOf = (text: string): string[] => text.split(/\s+/).filter(word => word !== '')

/** The same with problems at their fields. Throws errors that are about no field. */
export const withEhrProblems = (state: EhrState, error: unknown): EhrState => {
  if (!(error instanceof FhirError)) throw error
  const problems = error.issues.map(({ expression, message }) => {
    const name = fieldNames.find(one => one === expression)
    if (name === undefined) throw error
    return [name, message]
  })
  return { ...state, problems: Object.fromEntries(problems) }
}

const methods: readonly (readonly [SmartClientConfig['authentication'], label: string, hint: string])[] = [
  ['none', 'No authentication', 'The EHR treats Sharewell as a public client.'],
  ['secret', 'Client secret', 'The EHR issued one when Sharewell was registered there.'],
  ['private_key_jwt', 'Private key', 'The EHR reads Sharewell’s public keys at the address shown on this page.'],
]

type Form = {
  readonly action: string
  readonly token: string
  readonly button: string
  readonly state: EhrState
  /** Whether the issuer is stored already, and cannot be changed. */
  readonly isKnown: boolean
  readonly knowsSecret: boolean
  /** The version that was shown, if it is set up already. */
  readonly version?: string
}

export const ehrForm = ({ action, token, button, state, isKnown, knowsSecret, version }: Form): Html => {
  const { values, problems } = state
  const fields = fieldsFor(isKnown, knowsSecret).map(one => ({ ...one, problem: problems[one.name] }))
  const shown = (...names: readonly FieldName[]) =>
    fields
      .filter(({ name }) => names.includes(name))
      .map(one => field(one.name === 'secret' ? one : { ...one, value: values[one.name] }))
  return html`${problemList(fields)}
${postForm(
  { action, token, hidden: { version }, novalidate: true },
  html`${shown('issuer', 'client_id')}
${radios('authentication', 'How Sharewell authenticates to the EHR', methods, values.authentication)}
${shown('secret', 'scope')}
${radios('nonce', 'Nonce in the id_token', nonces, values.nonce)}
${radios('launches', 'Launches', launches, values.launches)}
${shown('frame_origins')}
<button class="btn btn-primary">${button}</button>`,
)}`
}

const nonces = [
  ['required', 'Required', 'As OpenID Connect specifies.'],
  ['none', 'Left out', 'For an EHR that leaves it out. Sharewell then sends none.'],
] as const

const launches = [
  ['allowed', 'Allowed', ''],
  ['refused', 'Refused', 'Anything under way ends as well.'],
] as const

type Choice = readonly [value: string, label: string, hint: string]

const radios = (name: FieldName, legend: string, choices: readonly Choice[], chosen: string): Html => html`<fieldset>
<legend class="fs-5 fw-semibold">${legend}</legend>
${choices.map(([value, label, hint]) => box({ type: 'radio', name, value, isChosen: value === chosen, label, hint }))}
</fieldset>`

type EhrField = Omit<Field, 'value' | 'problem'> & { readonly name: FieldName }

const fieldsFor = (isKnown: boolean, knowsSecret: boolean): readonly EhrField[] =>
  allFields
    .filter(({ name }) => !isKnown || name !== 'issuer')
    .map(one =>
      one.name === 'secret' && knowsSecret ? { ...one, hint: 'A secret is stored. Leave this empty to keep it.' } : one,
    )

const allFields: readonly EhrField[] = [
  {
    name: 'issuer',
    label: 'FHIR base of the EHR',
    hint: 'What it sends as iss, such as https://ehr.example.org/fhir.',
    inputmode: 'url',
    autocomplete: 'off',
  },
  { name: 'client_id', label: 'Client ID', hint: 'The ID that the EHR has given Sharewell.', autocomplete: 'off' },
  {
    name: 'secret',
    label: 'Client secret',
    hint: 'Only if Sharewell authenticates with a client secret. It is never shown again.',
    type: 'password',
    optional: true,
    autocomplete: 'new-password',
  },
  {
    name: 'scope',
    label: 'Scopes',
    hint: 'What Sharewell asks the EHR for; without openid nobody can be signed in.',
    autocomplete: 'off',
  },
  {
    name: 'frame_origins',
    label: 'Pages that may show Sharewell in a frame',
    hint: 'Their origins, such as https://ehr.example.org, one per line. If there are none, launches open in a new tab.',
    rows: 2,
    optional: true,
    autocomplete: 'off',
  },
]
