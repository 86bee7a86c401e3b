import { isBackend } from '../../auth/client/approved-clients.ts'
import { type AppKind, problemsOf, type SaidApp } from '../../auth/client/said-app.ts'
import { FhirError } from '../../fhir/error.ts'
import type { OrganizationClient } from '../../storage/authorization/client-registration.ts'
import { radioField } from '../page/choice-field.ts'
import { type Field, field, postForm, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { typed } from '../page/typed.ts'

/** The values of the fields, and what is wrong with them. */
export type AppState = {
  readonly values: Readonly<Record<FieldName, string>>
  readonly problems: Readonly<Partial<Record<FieldName, string>>>
}

const fieldNames = ['name', 'kind', 'redirect_uris', 'launch_uris', 'jwks_uri', 'jwks', 'scope'] as const
type FieldName = (typeof fieldNames)[number]

export const emptyState: AppState = {
  values: { name: '', kind: '', redirect_uris: '', launch_uris: '', jwks_uri: '', jwks: '', scope: '' },
  problems: {},
}

export const stateOf = (client: OrganizationClient): AppState => {
  const { name, scope, metadata } = client
  const { redirect_uris, launch_uris = [], jwks_uri = '', jwks } = metadata
  const values = {
    name,
    kind: kindOf(client),
    redirect_uris: redirect_uris.join('\n'),
    // A field with a single line cannot have line breaks.
    launch_uris: launch_uris.join(' '),
    jwks_uri,
    jwks: jwks === undefined ? '' : JSON.stringify(jwks, null, 2),
    scope: scope.split(' ').join('\n'),
  }
  return { values, problems: {} }
}

export const kindOf = (client: OrganizationClient): AppKind => {
  if (isBackend(client)) return 'backend'
  const { token_endpoint_auth_method: method } = client.metadata
  if (method === 'none') return 'public'
  return method === 'private_key_jwt' ? 'key' : 'secret'
}

export const typedState = (body: unknown): AppState => {
  const values = Object.fromEntries(fieldNames.map(name => [name, typed(body, name)]))
  return { values: values as AppState['values'], problems: {} }
}

/** Throws `invalid` if no kind was chosen. */
export const saidBy = ({ values }: AppState): SaidApp => {
  const { name, kind, jwks_uri, jwks } = values
  const [redirectUris = [], launchUris = [], scopes = []] = [
    values.redirect_uris,
    values.launch_uris,
    values.scope,
  ].map(text => text.split(/\s+/).filter(word => word !== ''))
  const said = {
    name: name.trim(),
    redirectUris,
    launchUris,
    scope: scopes.join(' '),
    ...(jwks_uri.trim() === '' ? {} : { jwksUri: jwks_uri.trim() }),
    ...(jwks.trim() === '' ? {} : { jwks }),
  }
  if (isKind(kind)) return { ...said, kind }
  // Of the other fields, only the name is the same for all kinds.
  const others = problemsOf({ ...said, kind: 'public' }, { refusalOf: () => undefined }).filter(
    ({ expression }) => expression === 'name',
  )
  throw FhirError.of([{ code: 'invalid', message: 'Choose a type', expression: 'kind' }, ...others])
}

/** The same with problems at their fields. Throws errors that are about no field. */
export const withProblems = (state: AppState, error: unknown): AppState => {
  if (!(error instanceof FhirError)) throw error
  const problems = error.issues.map(({ expression, message }) => {
    const name = fieldNames.find(one => one === expression)
    if (name === undefined) throw error
    const said = message.replace(`${name}: `, '').replace(`${name} must`, 'this must')
    return [name, toSentence(said, state.values[name])]
  })
  return { ...state, problems: Object.fromEntries(problems) }
}

/** What was typed, and an address or a scope, is kept letter by letter. */
const toSentence = (text: string, typed: string): string => {
  const [, first = '', others = ''] = /^(\S+?)(:? .*)$/s.exec(text) ?? []
  return typed.split(/\s+/).includes(first) || /[/.]/.test(first)
    ? `“${first}”${others}`
    : `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

const isKind = (text: string): text is AppKind => kinds.some(([kind]) => kind === text)

export const kinds: readonly (readonly [AppKind, label: string, hint: string])[] = [
  ['public', 'App without a secret', 'Runs in a browser or on a phone, where nothing stays secret.'],
  ['secret', 'App with a secret', 'Has its own server, and gets a client secret from Sharewell.'],
  ['key', 'App with a key', 'Has its own server, and signs with a private key that only it knows.'],
  ['backend', 'Backend service', 'Works on its own, without a user, and signs with a private key that only it knows.'],
]

type Form = {
  readonly action: string
  readonly token: string
  readonly button: string
  readonly state: AppState
  /** Whether it is a service; undefined while that can be chosen. */
  readonly isService?: boolean
  /** The version that was shown, if it is registered already. */
  readonly version?: string
  /** What is different in each form that registers one. */
  readonly form?: string
}

/** All fields of an app or a backend service; those that do not apply stay empty. */
export const appForm = ({ action, token, button, state, isService, version, form }: Form): Html => {
  const { values, problems } = state
  const shown = fieldsFor(isService).map(one => ({ ...one, value: values[one.name], problem: problems[one.name] }))
  const [first, ...others] = shown
  const choices = kinds.filter(([kind]) => isService === undefined || isService === (kind === 'backend'))
  return html`${problemList([...shown.slice(0, 1), { name: 'kind', problem: problems.kind }, ...shown.slice(1)])}
${postForm(
  { action, token, hidden: { version, form }, novalidate: true },
  html`${first && field(first)}
${isService === true ? html`<input type="hidden" name="kind" value="backend">` : kindChoice(choices, state)}
${others.map(field)}
<button class="btn btn-primary">${button}</button>`,
)}`
}

const kindChoice = (choices: typeof kinds, { values, problems }: AppState): Html =>
  radioField({
    name: 'kind',
    label: 'Type',
    value: values.kind,
    problem: problems.kind,
    choices: choices.map(([value, label, hint]) => ({ value, label, hint })),
  })

type AppField = Omit<Field, 'value' | 'problem' | 'autocomplete'> & {
  readonly name: Exclude<FieldName, 'kind'>
  readonly autocomplete: 'off'
}

const fieldsFor = (isService: boolean | undefined): readonly AppField[] =>
  appFields.filter(({ name }) => isService !== true || (name !== 'redirect_uris' && name !== 'launch_uris'))

export const appFields: readonly AppField[] = [
  {
    name: 'name',
    label: 'Name',
    hint: 'Shown to people when the app asks them for access.',
    autocomplete: 'off',
  },
  {
    name: 'redirect_uris',
    label: 'Redirect URLs',
    hint: 'Where people are sent back to, one per line; compared character by character. Apps only.',
    rows: 3,
    optional: true,
    autocomplete: 'off',
  },
  {
    name: 'launch_uris',
    label: 'Launch URL',
    hint: 'Opens the app from Sharewell’s pages. Optional, and for apps only.',
    inputmode: 'url',
    optional: true,
    autocomplete: 'off',
  },
  {
    name: 'jwks_uri',
    label: 'JWKS URL',
    hint: 'Where it publishes its JSON Web Key Set. Needed if it signs with a key, unless you paste the keys below.',
    inputmode: 'url',
    optional: true,
    autocomplete: 'off',
  },
  {
    name: 'jwks',
    label: 'Public keys',
    hint: 'Instead of a JWKS URL: the JSON Web Key Set itself, {"keys": [ … ]}, for RS384 or ES384, without private keys.',
    rows: 5,
    optional: true,
    autocomplete: 'off',
  },
  {
    name: 'scope',
    label: 'Scopes that it may be given',
    hint: 'Optional, one per line: user/Observation.rs lets an app read what your staff may read, system/Observation.rs lets a service read what patients have consented to share with your organization’s studies. Apps may always ask patients for their own data.',
    rows: 4,
    optional: true,
    autocomplete: 'off',
  },
]
