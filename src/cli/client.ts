import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import type { ClientPolicy } from '../access/caller.ts'
import { type ConfigurationChange, recordingChange } from '../accounts/organization/configuration-change.ts'
import {
  type ClientApproval,
  changeApproved,
  disable,
  enable,
  registerApproved,
} from '../auth/client/approved-clients.ts'
import type { ClientRequest } from '../auth/client/client-metadata.ts'
import { withoutUndefined } from '../auth/client/client-metadata.ts'
import { detailsOf } from '../auth/client/said-app.ts'
import { readConfig } from '../config.ts'
import { FhirError } from '../fhir/error.ts'
import { openOutbound } from '../messages/outbound.ts'
import { startError } from '../start-error.ts'
import { organizationOf } from '../storage/authorization/client.ts'
import { findClient, listClients, lockClient } from '../storage/authorization/client-registration.ts'
import type { Connection } from '../storage/database.ts'
import { withOwnDatabase } from './own-database.ts'
import { ownScopeRules } from './own-scope-rules.ts'
import { openOwnStores } from './own-store.ts'

type Options = {
  readonly name?: string
  readonly redirectUri?: string[]
  readonly launchUri?: string[]
  readonly invitationUrl?: string
  readonly public?: true
  readonly secret?: true
  readonly jwks?: string
  readonly jwksUri?: string
  readonly backend?: true
  readonly organization?: string
  readonly scope?: string
  readonly policy?: ClientPolicy[]
  readonly uri?: string
  readonly logoUri?: string
  readonly policyUri?: string
  readonly tosUri?: string
  readonly newSecret?: true
}

/** How the operator manages the apps and backend services of the authorization server. */
export const clientCommand = (program: Command): void => {
  const client = program.command('client').description('apps and backend services of the authorization server')
  described(client.command('register').description('register one, and print its id, and its secret for the only time'))
    .requiredOption('--name <name>', 'what people are shown')
    .action(async (options: Options) => print(await register(await approvalOf(options))))
  described(client.command('change <id>').description('change the registration of one, which also approves it'))
    .option('--name <name>', 'what people are shown')
    .option('--new-secret', 'make a new secret; the old one ends at once')
    .action(async (id: string, options: Options) =>
      print(await change(id, { ...(await approvalOf(options)), renewsSecret: options.newSecret === true })),
    )
  client
    .command('list')
    .description('print those that are registered, a JSON object a line')
    .action(async () => {
      for (const one of await withOwnDatabase(listClients)) {
        const { secretHash: _hash, ...shown } = one
        print(shown)
      }
    })
  client
    .command('disable <id>')
    .description('end one, with its tokens and all that people have granted it')
    .action(async (id: string) => switched(id, disable, 'disabled'))
  client
    .command('enable <id>')
    .description('let one work again that was disabled; what it had before stays over')
    .action(async (id: string) => switched(id, enable, 'enabled'))
}

const switched = (id: string, act: typeof disable, done: string): Promise<void> =>
  changing(
    async connection => organizationOf(connection, id),
    async ({ database }) => {
      const name = await act(database, id, 'operator')
      return { answer: undefined, change: { action: 'U', id, told: `The app ${name} was ${done}`, details: {} } }
    },
  )

const register = (approval: ClientApproval) =>
  changing(
    async () => approval.organization,
    async parts => {
      const answer = await registerApproved(parts, approval)
      const id = answer.client_id
      const client = await known(parts.database, id)
      const told = `The app ${client.name} was registered`
      return { answer, change: { action: 'C', id, told, details: detailsOf(client) } }
    },
  )

const change = (id: string, approval: Parameters<typeof changeApproved>[2]) =>
  changing(
    async connection => approval.organization ?? (await known(connection, id)).organization,
    async parts => {
      const before = detailsOf(await known(parts.database, id, lockClient))
      const answer = await changeApproved(parts, id, approval)
      const client = await known(parts.database, id)
      const details = Object.entries(detailsOf(client)).filter(([type, value]) => before[type] !== value)
      const told = `The app ${client.name} was ${approval.renewsSecret ? 'given a new secret' : 'changed'}`
      return { answer, change: { action: 'U', id, told, details: Object.fromEntries(details) } }
    },
  )

const known = async (connection: Connection, id: string, find = findClient) => {
  const client = await find(connection, id)
  if (client === undefined) throw new FhirError('not-found', `No client ${id} is registered and enabled`)
  return client
}

const described = (command: Command): Command =>
  command
    .option('--redirect-uri <url...>', 'where people are sent back to, exactly')
    .option('--launch-uri <url>', 'where it is opened from our pages')
    .option('--invitation-url <url>', 'where it opens an invitation by itself: CODE stands for what it needs')
    .option('--public', 'it can keep no secret: a page in a browser, an app on a phone')
    .option('--secret', 'it authenticates with a secret')
    .option('--jwks <file>', 'it authenticates with a key of this JSON Web Key Set')
    .option('--jwks-uri <url>', 'the same, with a set that it publishes (see OUTBOUND_ORIGINS)')
    .option('--backend', 'a service without people: client_credentials')
    .option('--organization <id>', 'the Organization that it belongs to')
    .option('--scope <scopes>', 'the user/ and system/ scopes that it may have at most')
    .addOption(new Option('--policy <policy...>', 'what else it may do').choices(policies))
    .option('--uri <url>', 'its own page')
    .option('--logo-uri <url>', 'its picture')
    .option('--policy-uri <url>', 'what it does with data')
    .option('--tos-uri <url>', 'its terms of use')

const policies: readonly ClientPolicy[] = [
  'data-submission',
  'records-consent',
  'redeems-invitations',
  'cloud-storage-partner',
  'introspection',
]

const approvalOf = async (options: Options): Promise<ClientApproval> => ({
  name: options.name,
  organization: options.organization,
  scope: options.scope,
  policies: options.policy,
  metadata: withoutUndefined<ClientRequest>({
    ...(await authenticationOf(options)),
    redirect_uris: options.redirectUri,
    launch_uris: options.launchUri === undefined ? undefined : [options.launchUri].flat(),
    invitation_url: options.invitationUrl,
    grant_types: options.backend ? ['client_credentials'] : undefined,
    client_uri: options.uri,
    logo_uri: options.logoUri,
    policy_uri: options.policyUri,
    tos_uri: options.tosUri,
  }),
})

/** If none of the options is given, a registered client keeps its method, and a new one gets a secret. */
const authenticationOf = async (options: Options) => {
  const { jwks, jwksUri } = options
  const given = [options.public, options.secret, jwks, jwksUri].filter(one => one !== undefined)
  if (given.length > 1) throw startError('Say how it authenticates: one of --public, --secret, --jwks and --jwks-uri')
  if (options.public) return { token_endpoint_auth_method: 'none', jwks: undefined, jwks_uri: undefined }
  if (options.secret) return { token_endpoint_auth_method: 'client_secret_basic' }
  if (jwks !== undefined) return { token_endpoint_auth_method: 'private_key_jwt', jwks: await readKeys(jwks) }
  return jwksUri === undefined ? {} : { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: jwksUri }
}

const readKeys = async (file: string): Promise<NonNullable<ClientRequest['jwks']>> => {
  const text = await readFile(file, 'utf8').catch(error => {
    throw startError(`--jwks ${file} ${unread[error.code] ?? `cannot be read (${error.code})`}`)
  })
  try {
    return JSON.parse(text)
  } catch {
    // The parser would quote the file, which may be a private key.
    throw startError(`--jwks ${file} is not JSON: it takes the public keys as a JSON Web Key Set, {"keys": [...]}`)
  }
}

const unread: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by you',
  EISDIR: 'is a folder, and no file',
}

type Parts = Parameters<typeof registerApproved>[0]

/** Changes a client, and records that for the privacy officers of the organization to which it belongs; both are done, or neither. */
const changing = <T>(
  whose: (connection: Connection) => Promise<string | undefined>,
  run: (parts: Parts) => Promise<{ readonly answer: T; readonly change: ConfigurationChange }>,
): Promise<T> =>
  withOwnDatabase(async database => {
    const { refusalOf, close } = openOutbound({ allowed: readConfig().outboundOrigins })
    try {
      const organization = await whose(database)
      const by = { openStoreAs: await openOwnStores(database), operator: true, organization } as const
      return await recordingChange(by, connection => run({ database: connection, refusalOf, rules: ownScopeRules() }))
    } finally {
      await close()
    }
  })

const print = (answer: object): void => {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
