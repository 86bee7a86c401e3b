import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ClientPolicy } from '../access/caller.ts'
import { parseScopes, printScope } from '../access/scope.ts'
import { scopeRefusal } from '../auth/request/requested-scope.ts'
import { startError } from '../start-error.ts'
import { openAccount } from '../storage/account/user-account.ts'
import { unlimitedTokenIssued } from '../storage/audit/unlimited-token.ts'
import { commandLineClient, isClient, organizationOf, registerClient } from '../storage/authorization/client.ts'
import { issueToken, type TokenRequest } from '../storage/authorization/token.ts'
import type { Connection, Database } from '../storage/database.ts'
import { isStored } from '../storage/installation/is-stored.ts'
import { writeOrThrow } from '../storage/write-or-throw.ts'
import { withOwnDatabase } from './own-database.ts'
import { ownScopeRules } from './own-scope-rules.ts'
import { openOwnStores } from './own-store.ts'

type Options = {
  readonly user?: string
  readonly person?: string
  readonly patient?: string
  readonly client?: string
  readonly admin?: true
  readonly scope: string
  readonly ttl: number
  readonly study?: string
  readonly organization?: string
  readonly policy: readonly ClientPolicy[]
}

/** Prints an access token: for local work, and for setting up everything before anybody can sign in. */
export const tokenCommand = (program: Command): void => {
  program
    .command('token')
    .description('print an access token for a person, a patient, a client or an administrator')
    .option('--user <email>', 'the person who signs in with this address')
    .option('--person <id>', 'with --user, the first time: the Person whose address it becomes')
    .option('--patient <id>', 'the patient with this id')
    .option('--client <id>', 'a backend client; --organization or --policy data-submission register it')
    .option('--admin', 'an administrator of the installation, who sees nobody’s health data')
    .requiredOption('--scope <scopes>', 'SMART scopes, separated by spaces: "patient/Observation.rs"')
    .addOption(
      new Option('--ttl <time>', 'how long it is in force: 90s, 15m, 1h, 7d').argParser(parseTtl).default(3600, '1h'),
    )
    .option('--study <id>', 'narrow it to one ResearchStudy')
    .option('--organization <id>', 'with --client: the Organization that the client works for')
    .addOption(
      new Option('--policy <policy...>', 'with --client: what it may do').choices(policies).default([], 'nothing more'),
    )
    .action(printToken)
}

const policies: readonly ClientPolicy[] = ['data-submission', 'records-consent', 'everything']

const printToken = async (options: Options): Promise<void> => {
  requireScopes(options.scope)
  const token = await withOwnDatabase(async database => {
    const issued = await issue(database, options)
    if (options.policy.includes('everything')) await recordUnlimited(database, options)
    return issued
  })
  process.stdout.write(`${token}\n`)
}

const requireScopes = (text: string): void => {
  const scopes = parseScopes(text)
  if (scopes.length === 0)
    throw startError(`--scope "${text}" grants nothing: write scopes such as "user/Observation.rs patient/*.rs"`)
  const rules = ownScopeRules()
  for (const scope of scopes) {
    const reason = scopeRefusal(scope, rules)
    if (reason !== undefined) throw startError(`--scope ${printScope(scope)} grants nothing: ${reason}`)
  }
}

/** A token that passes every gate is recorded before it is shown. */
const recordUnlimited = async (database: Database, { client = '', scope }: Options): Promise<void> => {
  const organization = await organizationOf(database, client)
  // It is recorded where the privacy officers of the client's organization can read it.
  const organizations = organization === undefined ? [] : [organization]
  const openStoreAs = await openOwnStores(database)
  const store = openStoreAs({ principal: { kind: 'client', id: commandLineClient }, organizations })
  await writeOrThrow(store, { kind: 'create', resource: unlimitedTokenIssued(client, scope) })
}

const issue = async (database: Connection, options: Options): Promise<string> => {
  const { scope, ttl, study } = options
  const given = [options.user, options.patient, options.client, options.admin].filter(one => one !== undefined)
  if (given.length !== 1) throw startError('Say for whom: one of --user, --patient, --client and --admin')
  await requireKnown(database, options)
  return issueToken(database, {
    ...(await bearerOf(database, options)),
    scope,
    ttlSeconds: ttl,
    ...(study === undefined ? {} : { study }),
  })
}

/** Otherwise nobody would notice a mistake: the token would find nothing, and not say that an id is unknown. */
const requireKnown = async (connection: Connection, { patient, study, organization }: Options): Promise<void> => {
  const named = [
    ['Patient', patient],
    ['ResearchStudy', study],
    ['Organization', organization],
  ] as const
  for (const [type, id] of named)
    if (id !== undefined && !(await isStored(connection, type, id))) throw startError(`${type}/${id} is not known`)
}

const bearerOf = async (
  database: Connection,
  { user, person, patient, client, organization, policy }: Options,
): Promise<Pick<TokenRequest, 'subject' | 'client' | 'policies'>> => {
  if (user !== undefined)
    return { subject: { kind: 'user', person: await openAccount(database, user, person) }, client: commandLineClient }
  if (patient !== undefined) return { subject: { kind: 'patient', patient }, client: commandLineClient }
  if (client === undefined) return { subject: { kind: 'administrator' }, client: commandLineClient }
  const lasting = policy.filter(one => one !== 'everything')
  if (organization !== undefined || lasting.length > 0)
    await registerClient(database, {
      id: client,
      name: client,
      policies: lasting,
      ...(organization === undefined ? {} : { organization }),
    })
  else if (!(await isClient(database, client))) {
    if (!policy.includes('everything'))
      throw startError(`No client ${client} is registered: --organization or --policy data-submission registers it`)
    await registerClient(database, { id: client, name: client, policies: [] })
  }
  return { subject: { kind: 'client' }, client, policies: policy }
}

const parseTtl = (text: string): number => {
  const [, number, unit] = /^(\d{1,8})([smhd])$/.exec(text) ?? []
  const seconds = Number(number) * (secondsOf[unit as keyof typeof secondsOf] ?? Number.NaN)
  if (seconds > 0 && seconds <= mostDays * secondsOf.d) return seconds
  throw new InvalidArgumentError(`Write a number and s, m, h or d, up to ${mostDays}d: 90s, 15m, 1h, 7d.`)
}

/** As for what is granted with `offline_access`: a token that nobody remembers should not give access for ever. */
const mostDays = 365

const secondsOf = { s: 1, m: 60, h: 3600, d: 86_400 } as const
