import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import { type ConfigurationChange, recordingChange } from '../accounts/organization/configuration-change.ts'
import { changeTo, removalOf } from '../auth/ehr/ehr-change.ts'
import { rotateEhrKeys } from '../auth/ehr/keys.ts'
import { toIssuer } from '../auth/ehr/launches.ts'
import { isFrameOrigin, usualScope } from '../auth/ehr/said-ehr.ts'
import { readConfig } from '../config.ts'
import { openOutbound } from '../messages/outbound.ts'
import { startError } from '../start-error.ts'
import type { Connection, Database } from '../storage/database.ts'
import {
  keepSmartClientConfig,
  listSmartClientConfigs,
  listSmartClientConfigsAt,
  lockSmartClientConfigOf,
  removeSmartClientConfig,
  type SmartClientConfig,
} from '../storage/ehr/smart-client-config.ts'
import { isOrganization } from '../storage/organization/organization.ts'
import { seal } from '../storage/secret/sealed.ts'
import { withOwnDatabase } from './own-database.ts'
import { ownSecretKey } from './own-secret-key.ts'
import { openOwnStores } from './own-store.ts'

type Options = {
  readonly organization?: string
  readonly clientId?: string
  readonly authentication?: SmartClientConfig['authentication']
  readonly scope?: string
  readonly nonce?: 'required' | 'none'
  readonly enable?: true
  readonly disable?: true
  readonly frameOrigin?: readonly string[]
}

/** How the operator sets up the EHRs that launch us. A running server uses a change from the next launch on. */
export const ehrCommand = (program: Command): void => {
  const ehr = program.command('ehr').description('EHRs that launch this server as their SMART app')
  ehr
    .command('set <issuer>')
    .description('set up the EHR with this FHIR base, or change its settings')
    .option('--organization <id>', 'the Organization that it is for, with all below it')
    .option('--client-id <id>', 'what the EHR calls this server')
    .addOption(
      new Option(
        '--authentication <method>',
        'how this server authenticates there; the secret is read from standard input',
      ).choices(['none', 'secret', 'private_key_jwt']),
    )
    .option('--scope <scopes>', 'what is asked for')
    .addOption(new Option('--nonce <rule>', 'none: for an EHR that leaves it out').choices(['required', 'none']))
    .option('--frame-origin <origin...>', 'whose pages may show this server in a frame; none: launches open a tab')
    .option('--disable', 'refuse its launches')
    .option('--enable', 'allow them again')
    .action(async (issuer: string, options: Options) => {
      print(await withOwnDatabase(database => set(database, toIssuer(issuer), options)))
    })
  ehr
    .command('list')
    .description('print them without their secrets, a JSON object a line')
    .action(async () => {
      for (const one of await withOwnDatabase(listSmartClientConfigs)) print(one)
    })
  ehr
    .command('remove <issuer>')
    .description('forget one; accounts stay linked to its users, who can sign in from it no more')
    .option('--organization <id>', 'the Organization that it is for, where there are several')
    .action(async (issuer: string, { organization }: Options) => {
      await withOwnDatabase(async database => {
        const found = await findKnown(database, toIssuer(issuer), organization)
        if (found === undefined) throw notConfigured(issuer)
        await recorded(database, found.organization, async connection => {
          const known = await lockKnown(connection, found)
          await removeSmartClientConfig(connection, known.id)
          return { answer: undefined, change: removalOf(known) }
        })
      })
    })
  ehr
    .command('rotate-keys')
    .description('make new keys by which this server authenticates to EHRs, and print their ids; the old ones are gone')
    .action(async () => {
      const made = await withOwnDatabase(async database =>
        rotateEhrKeys(database, await ownSecretKey(database), replace =>
          recorded(database, undefined, async connection => {
            await replace(connection)
            const told = 'The keys by which this server authenticates to EHRs were replaced'
            return { answer: undefined, change: { action: 'U', told, id: 'ehr-keys', details: {} } }
          }),
        ),
      )
      for (const { alg, kid } of made) process.stdout.write(`${alg} ${kid}\n`)
    })
}

const set = async (database: Database, issuer: string, options: Options): Promise<SmartClientConfig> => {
  const found = await findKnown(database, issuer, options.organization)
  const { organization = found?.organization, clientId = found?.clientId } = options
  if (organization === undefined || clientId === undefined)
    throw startError('A new EHR needs --organization and --client-id')
  if (options.enable && options.disable) throw startError('Say one of --enable and --disable')
  if (!(await isOrganization(database, organization))) throw startError(`Organization/${organization} is not known`)
  await requireReachable(issuer)
  const authentication = await authenticationAsked(database, options.authentication)
  const frameOrigins = frameOriginsOf(options)
  return recorded(database, organization, async connection => {
    const known = found && (await lockKnown(connection, found))
    const config = {
      issuer,
      organization,
      clientId: options.clientId ?? known?.clientId ?? clientId,
      ...(authentication ?? authenticationOf(known)),
      scope: options.scope ?? known?.scope ?? usualScope,
      requiresNonce: isNonceRequired(options.nonce, known),
      enabled: options.disable ? false : options.enable ? true : (known?.enabled ?? true),
      frameOrigins: frameOrigins ?? known?.frameOrigins ?? [],
    }
    const answer = { id: await keepSmartClientConfig(connection, config), ...config }
    return { answer, change: changeTo(answer, known) }
  })
}

/** As it is once nobody else can change it: a manager may have changed or removed it since it was found. */
const lockKnown = async (connection: Connection, { issuer, organization, id }: SmartClientConfig) => {
  const known = await lockSmartClientConfigOf(connection, organization, id)
  if (known === undefined) throw notConfigured(issuer)
  return known
}

const notConfigured = (issuer: string) => startError(`${issuer} is not configured`)

/** Makes a change and records it, as if an administrator of the organization, or else of the installation, had made it. */
const recorded = async <T>(
  database: Database,
  organization: string | undefined,
  run: (connection: Connection) => Promise<{ readonly answer: T; readonly change: ConfigurationChange }>,
): Promise<T> => recordingChange({ openStoreAs: await openOwnStores(database), operator: true, organization }, run)

/** Several organizations may each have a configuration at the same EHR. */
const findKnown = async (
  database: Database,
  issuer: string,
  organization: string | undefined,
): Promise<SmartClientConfig | undefined> => {
  const known = await listSmartClientConfigsAt(database, issuer)
  if (organization !== undefined) return known.find(one => one.organization === organization)
  if (known.length > 1) throw startError(`${issuer} is configured for several organizations: say --organization`)
  return known[0]
}

const isNonceRequired = (rule: Options['nonce'], known: SmartClientConfig | undefined): boolean =>
  rule === undefined ? (known?.requiresNonce ?? true) : rule === 'required'

/** Undefined if nothing is said of them. */
const frameOriginsOf = ({ frameOrigin: given }: Options): readonly string[] | undefined => {
  if (given === undefined) return undefined
  if (given.join() === 'none') return []
  const wrong = given.find(one => !isFrameOrigin(one))
  if (wrong === undefined) return given
  throw startError(`--frame-origin ${wrong}: accepted are none, and https origins such as https://ehr.example.org`)
}

const requireReachable = async (issuer: string): Promise<void> => {
  const outbound = openOutbound({ allowed: readConfig().outboundOrigins })
  const reason = outbound.refusalOf(issuer)
  await outbound.close()
  if (reason === undefined) return
  throw startError(URL.canParse(issuer) ? `${reason}: set OUTBOUND_ORIGINS to allow it` : reason)
}

type Authentication = Pick<SmartClientConfig, 'authentication' | 'secret'>

/** Undefined if nothing is said of it. */
const authenticationAsked = async (
  database: Database,
  asked: Options['authentication'],
): Promise<Authentication | undefined> => {
  if (asked === undefined) return undefined
  if (asked !== 'secret') return { authentication: asked }
  const secretKey = await ownSecretKey(database)
  return { authentication: asked, secret: await seal(secretKey, 'launches from an EHR', await readSecret()) }
}

const authenticationOf = (known: SmartClientConfig | undefined): Authentication => {
  if (known === undefined) return { authentication: 'none' }
  return { authentication: known.authentication, ...(known.secret === undefined ? {} : { secret: known.secret }) }
}

/** Read from standard input, since arguments are visible in the shell's history and in the list of processes. */
const readSecret = async (): Promise<string> => {
  const secret = (await text(process.stdin)).trim()
  if (secret === '') throw startError('Give the secret on standard input')
  return secret
}

const print = ({ secret: _sealed, ...shown }: SmartClientConfig): void => {
  process.stdout.write(`${JSON.stringify(shown)}\n`)
}
