import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import type { ClientPolicy } from '../access/caller.ts'
import { type ClientApproval, changeApproved, disable, registerApproved } from '../auth/approved-clients.ts'
import type { ClientRequest } from '../auth/client-metadata.ts'
import { readConfig } from '../config.ts'
import { openOutbound } from '../messages/outbound.ts'
import { startError } from '../start-error.ts'
import { listClients } from '../storage/client-registration.ts'
import { withOwnDatabase } from './own-database.ts'

type Options = {
  readonly name?: string
  readonly redirectUri?: string[]
  readonly launchUri?: string[]
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

/** The operator's way to the apps and backend services of the authorization server. */
export const clientCommand = (program: Command): void => {
  const client = program.command('client').description('apps and backend services of the authorization server')
  described(client.command('register').description('register one, and print its id, and its secret for the only time'))
    .requiredOption('--name <name>', 'what people are shown')
    .action(async (options: Options) =>
      print(await withParts(async parts => registerApproved(parts, await approvalOf(options)))),
    )
  described(client.command('change <id>').description('change what is said of one; it then counts as approved'))
    .option('--name <name>', 'what people are shown')
    .option('--new-secret', 'make a new secret; the old one ends at once')
    .action(async (id: string, options: Options) =>
      print(
        await withParts(async parts =>
          changeApproved(parts, id, { ...(await approvalOf(options)), renewsSecret: options.newSecret === true }),
        ),
      ),
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
    .action(async (id: string) => {
      await withOwnDatabase(database => disable(database, id))
    })
}

const described = (command: Command): Command =>
  command
    .option('--redirect-uri <url...>', 'where people are sent back to, exactly')
    .option('--launch-uri <url>', 'where it is opened from our pages')
    .option('--public', 'it can keep no secret: a page in a browser, an app on a phone')
    .option('--secret', 'it authenticates by a secret')
    .option('--jwks <file>', 'it authenticates by a key of this JSON Web Key Set')
    .option('--jwks-uri <url>', 'the same, by a set that it publishes (see OUTBOUND_ORIGINS)')
    .option('--backend', 'a service without people: client_credentials')
    .option('--organization <id>', 'the Organization that it belongs to')
    .option('--scope <scopes>', 'the user/ and system/ scopes that it may have at most')
    .addOption(new Option('--policy <policy...>', 'what it may do beside').choices(policies))
    .option('--uri <url>', 'its own page')
    .option('--logo-uri <url>', 'its picture')
    .option('--policy-uri <url>', 'what it does with data')
    .option('--tos-uri <url>', 'its terms of use')

const policies: readonly ClientPolicy[] = ['data-submission', 'records-consent', 'introspection']

const approvalOf = async (options: Options): Promise<ClientApproval> => ({
  name: options.name,
  organization: options.organization,
  scope: options.scope,
  policies: options.policy,
  metadata: withoutUndefined({
    ...(await authenticationOf(options)),
    redirect_uris: options.redirectUri,
    launch_uris: options.launchUri === undefined ? undefined : [options.launchUri].flat(),
    grant_types: options.backend ? ['client_credentials'] : undefined,
    client_uri: options.uri,
    logo_uri: options.logoUri,
    policy_uri: options.policyUri,
    tos_uri: options.tosUri,
  }),
})

/** None of them changes nothing, and registers one with a secret. */
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
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw startError(`${file} cannot be read as a JSON Web Key Set: ${error instanceof Error ? error.message : error}`)
  }
}

const withParts = <T>(run: (parts: Parameters<typeof registerApproved>[0]) => Promise<T>): Promise<T> =>
  withOwnDatabase(async database => {
    const outbound = openOutbound({ allowed: readConfig().outboundOrigins })
    try {
      return await run({ database, refusalOf: outbound.refusalOf })
    } finally {
      await outbound.close()
    }
  })

const print = (answer: object): void => {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

const withoutUndefined = (
  given: { readonly [Name in keyof ClientRequest]: ClientRequest[Name] | undefined },
): ClientRequest => Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
