import { backendScopeRefusal } from '../../access/backend-policy.ts'
import type { Caller } from '../../access/caller.ts'
import { parseScopes, printScope } from '../../access/scope.ts'
import { FhirError } from '../../fhir/error.ts'
import {
  findClientOf,
  listClientsOf,
  lockClientOf,
  lockNewClient,
  type OrganizationClient,
} from '../../storage/authorization/client-registration.ts'
import type { Connection } from '../../storage/database.ts'
import { hasStudiesBeyond } from '../../storage/organization/studies-beyond.ts'
import { requireShown, versionOf } from '../shown-version.ts'
import { type AppChange, type AppParts, changeApp } from './app-change.ts'
import { disable, enable, endBeyond, isBackend, keepApproved, type Registered } from './approved-clients.ts'
import { clientIdOf } from './client-model.ts'
import { detailsOf, metadataOf, problemsOf, type SaidApp } from './said-app.ts'

/** Apps and backend services of an organization, managed by its administrators. Each change is recorded. */
export type OrganizationApps = {
  readonly list: (organization: string) => Promise<readonly OrganizationClient[]>
  /** Undefined if it does not belong to the organization. */
  readonly find: (organization: string, id: string) => Promise<OrganizationClient | undefined>
  /**
   * Answers the secret, if it has one; it is not shown again. `form`: what is different in each form that is shown. Throws FhirError whose issues
   * name the parameters.
   */
  readonly register: (by: By, app: SaidApp, form: string) => Promise<Registered>
  /** The app that this form has registered, if it was sent before. */
  readonly findRegistered: (by: By, form: string) => Promise<OrganizationClient | undefined>
  /** Whatever it may no longer do ends at once. `version`: that of the form (`appVersion`). Throws `conflict` if it has another by now. */
  readonly change: (by: By, id: string, app: SaidApp, version: string) => Promise<Registered>
  /** The old one ends at once. `version`: that of the secret which the form replaces (`secretVersion`). Throws `conflict` if there is another. */
  readonly renewSecret: (by: By, id: string, version: string) => Promise<Registered>
  /** False if it is disabled already, as when it was sent twice. */
  readonly disable: (by: By, id: string) => Promise<boolean>
  /** What was granted before does not come back. False if it is enabled, or the operator has disabled it. */
  readonly enable: (by: By, id: string) => Promise<boolean>
}

/** `caller` is the Person as the rules know them. */
export type By = { readonly person: string; readonly caller: Caller; readonly organization: string }

export const openOrganizationApps = (parts: AppParts): OrganizationApps => {
  const { database } = parts
  return {
    list: organization => listClientsOf(database, organization),
    find: (organization, id) => findClientOf(database, organization, id),
    register: (by, app, form) => changeApp(parts, by, connection => register(parts, connection, by, { app, form })),
    findRegistered: (by, form) => findClientOf(database, by.organization, idBy(by, form)),
    change: (by, id, app, version) =>
      changeApp(parts, by, connection => change(parts, connection, { by, id, app, version })),
    renewSecret: (by, id, version) =>
      changeApp(parts, by, connection => renewSecret(parts, connection, { by, id, version })),
    disable: (by, id) =>
      changeApp(parts, by, async connection => {
        const { name, disabledBy } = await known(connection, by, id)
        if (disabledBy !== undefined) return { answer: false, change: undefined }
        await disable(connection, id, 'organization')
        return { answer: true, change: { action: 'U', id, told: `The app ${name} was disabled`, details: {} } }
      }),
    enable: (by, id) =>
      changeApp(parts, by, async connection => {
        const { name, scope, disabledBy } = await known(connection, by, id)
        if (disabledBy !== 'organization') return { answer: false, change: undefined }
        await requireGrantable(parts, connection, by, scope)
        await enable(connection, id, 'organization')
        return { answer: true, change: { action: 'U', id, told: `The app ${name} was enabled`, details: {} } }
      }),
  }
}

type New = { readonly app: SaidApp; readonly form: string }

const register = async (
  parts: AppParts,
  connection: Connection,
  by: By,
  { app, form }: New,
): Promise<AppChange<Registered>> => {
  const { organization } = by
  const id = idBy(by, form)
  await lockNewClient(connection, id)
  if ((await lockClientOf(connection, organization, id)) !== undefined)
    throw new FhirError('duplicate', 'This form has been sent already')
  await requireSound(parts, connection, by, app)
  const metadata = metadataOf(app)
  const { name, scope } = app
  const answer = await keepApproved(connection, id, { ...parts, name, organization, scope, metadata })
  const told = `The app ${name} was registered`
  return { answer, change: { action: 'C', id, told, details: detailsOf({ name, scope, metadata }) } }
}

/** A page that shows a secret is sent again by reloading it, which must not register another app. */
const idBy = ({ person, organization }: By, form: string): string => clientIdOf(person, organization, form)

type Change = Renewal & { readonly app: SaidApp }
type Renewal = { readonly by: By; readonly id: string; readonly version: string }

const change = async (
  parts: AppParts,
  connection: Connection,
  { by, id, app, version }: Change,
): Promise<AppChange<Registered>> => {
  const client = await known(connection, by, id)
  requireOwn(client)
  requireShown(partsSaid(client), version)
  await requireSound({ ...parts, registered: client.metadata }, connection, by, app)
  if (isBackend(client) !== (app.kind === 'backend'))
    throw new FhirError('invalid', 'An app stays an app, and a service a service: register another', {
      expression: 'kind',
    })
  // Other things that the operator has set are kept: its home page, its logo, its contacts.
  const { jwks: _, jwks_uri: __, launch_uris: ___, ...kept } = client.metadata
  const wasSecret = kept.token_endpoint_auth_method.startsWith('client_secret')
  const said = metadataOf(app)
  const metadata = {
    ...kept,
    ...said,
    ...(wasSecret && app.kind === 'secret' ? { token_endpoint_auth_method: kept.token_endpoint_auth_method } : {}),
  }
  const { organization } = by
  const { name, scope } = app
  const answer = await keepApproved(connection, id, {
    ...parts,
    name,
    organization,
    scope,
    metadata,
    policies: client.policies,
    registered: client.metadata,
    renewsSecret: !wasSecret,
    secretHash: client.secretHash,
  })
  await endBeyond(connection, client, scope)
  const before = detailsOf(client)
  const changed = Object.entries(detailsOf({ name, scope, metadata })).filter(([type, value]) => before[type] !== value)
  const told = `The app ${name} was changed`
  return { answer, change: { action: 'U', id, told, details: Object.fromEntries(changed) } }
}

/** The version of everything that is in the form. */
export const appVersion = (client: OrganizationClient): string => versionOf(partsSaid(client))

const partsSaid = ({ name, scope, metadata }: OrganizationClient) => ({ name, scope, metadata })

/** The version of its secret, which tells nothing about it. */
export const secretVersion = (client: OrganizationClient): string => versionOf(secretOf(client))

const secretOf = ({ secretHash }: OrganizationClient) => ({ secret: secretHash?.toString('hex') ?? null })

const renewSecret = async (
  parts: AppParts,
  connection: Connection,
  { by, id, version }: Renewal,
): Promise<AppChange<Registered>> => {
  const client = await known(connection, by, id)
  requireOwn(client)
  requireShown(secretOf(client), version)
  const { name, organization, scope, policies, metadata } = client
  if (!metadata.token_endpoint_auth_method.startsWith('client_secret'))
    throw new FhirError('conflict', 'It authenticates by no secret')
  await requireGrantable(parts, connection, by, scope)
  const kept = { ...parts, name, organization, scope, policies, metadata, registered: metadata, renewsSecret: true }
  const answer = await keepApproved(connection, id, kept)
  return { answer, change: { action: 'U', id, told: `The app ${name} was given a new secret`, details: {} } }
}

const known = async (connection: Connection, { organization }: By, id: string): Promise<OrganizationClient> => {
  const client = await lockClientOf(connection, organization, id)
  if (client === undefined) throw new FhirError('not-found', 'There is no such app')
  return client
}

/** A client that the operator allows to do more can only be changed by the operator, since whoever changes it could act as it. */
export const isOperators = ({ policies }: Pick<OrganizationClient, 'policies'>): boolean => policies.length > 0

const requireOwn = (client: OrganizationClient): void => {
  if (isOperators(client)) throw new FhirError('forbidden', 'Only the operator can change it')
}

/** Throws FhirError with what is wrong, and with which parameter. */
const requireSound = async (
  parts: AppParts & { readonly registered?: OrganizationClient['metadata'] },
  connection: Connection,
  by: By,
  app: SaidApp,
): Promise<void> => {
  const [first, ...others] = problemsOf(app, parts)
  if (first !== undefined) throw FhirError.of([first, ...others])
  await requireGrantable(parts, connection, by, app.scope)
}

/** Nobody may let a service see more than their own role allows them. */
const requireGrantable = async (
  { rules }: AppParts,
  connection: Connection,
  { caller, organization }: By,
  scope: string,
): Promise<void> => {
  const asked = parseScopes(scope).filter(({ context }) => context === 'system')
  for (const one of asked) {
    const reason = backendScopeRefusal(one, { caller, organization, ...rules })
    if (reason !== undefined) throw new FhirError('forbidden', `${printScope(one)}: ${reason}`, { expression: 'scope' })
  }
  const { practitioner } = caller
  if (
    asked.length > 0 &&
    practitioner !== undefined &&
    (await hasStudiesBeyond(connection, practitioner, organization))
  )
    throw new FhirError('forbidden', 'Some studies here are not yours to see: whoever sees all of them can do this', {
      expression: 'scope',
    })
}
