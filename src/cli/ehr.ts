import { type Command, Option } from 'commander'
import { rotateEhrKeys } from '../auth/ehr/keys.ts'
import { toIssuer } from '../auth/ehr/launches.ts'
import { readConfig } from '../config.ts'
import { openOutbound } from '../messages/outbound.ts'
import { startError } from '../start-error.ts'
import type { Database } from '../storage/database.ts'
import {
  findSmartClientConfig,
  isOrganization,
  keepSmartClientConfig,
  listSmartClientConfigs,
  removeSmartClientConfig,
  type SmartClientConfig,
} from '../storage/ehr/smart-client-config.ts'
import { seal } from '../storage/sealed.ts'
import { secretKeyOf } from '../storage/secret-key.ts'
import { withOwnDatabase } from './own-database.ts'

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

/** The operator's way to the EHRs that launch us. A running server takes up a change with the next launch. */
export const ehrCommand = (program: Command): void => {
  const ehr = program.command('ehr').description('EHRs that launch this server as their SMART app')
  ehr
    .command('set <issuer>')
    .description('make the EHR with this FHIR base known, or change what is said of it')
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
    .action(async (issuer: string) => {
      if (!(await withOwnDatabase(database => removeSmartClientConfig(database, toIssuer(issuer)))))
        throw startError(`${issuer} is not configured`)
    })
  ehr
    .command('rotate-keys')
    .description('make new keys by which this server authenticates to EHRs, and print their ids; the old ones are gone')
    .action(async () => {
      const secretKey = await secretKeyOf(readConfig(), () => {})
      const made = await withOwnDatabase(database => rotateEhrKeys(database, secretKey))
      for (const { alg, kid } of made) process.stdout.write(`${alg} ${kid}\n`)
    })
}

const set = async (database: Database, issuer: string, options: Options): Promise<SmartClientConfig> => {
  const known = await findSmartClientConfig(database, issuer)
  const { organization = known?.organization, clientId = known?.clientId, authentication, scope, nonce } = options
  if (organization === undefined || clientId === undefined)
    throw startError('A new EHR needs --organization and --client-id')
  if (options.enable && options.disable) throw startError('Say one of --enable and --disable')
  if (!(await isOrganization(database, organization))) throw startError(`Organization/${organization} is not known`)
  await requireReachable(issuer)
  const config: SmartClientConfig = {
    issuer,
    organization,
    clientId,
    ...(await authenticationOf(authentication, known)),
    scope: scope ?? known?.scope ?? usualScope,
    requiresNonce: isNonceRequired(nonce, known),
    enabled: options.disable ? false : options.enable ? true : (known?.enabled ?? true),
    frameOrigins: frameOriginsOf(options, known),
  }
  await keepSmartClientConfig(database, config)
  return config
}

const usualScope = 'openid fhirUser launch patient/Patient.r'

const isNonceRequired = (rule: Options['nonce'], known: SmartClientConfig | undefined): boolean =>
  rule === undefined ? (known?.requiresNonce ?? true) : rule === 'required'

const frameOriginsOf = ({ frameOrigin: given }: Options, known: SmartClientConfig | undefined): readonly string[] => {
  if (given === undefined) return known?.frameOrigins ?? []
  if (given.join() === 'none') return []
  for (const one of given) {
    const url = URL.parse(one)
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isThisMachine(url.hostname))
    if (url?.origin !== one || !isSafe)
      throw startError(`--frame-origin ${one}: accepted are none, and https origins such as https://ehr.example.org`)
  }
  return given
}

const isThisMachine = (host: string): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(host)

const requireReachable = async (issuer: string): Promise<void> => {
  const outbound = openOutbound({ allowed: readConfig().outboundOrigins })
  const reason = outbound.refusalOf(issuer)
  await outbound.close()
  if (reason !== undefined) throw startError(`${reason}: set OUTBOUND_ORIGINS to allow it`)
}

const authenticationOf = async (
  asked: Options['authentication'],
  known: SmartClientConfig | undefined,
): Promise<Pick<SmartClientConfig, 'authentication' | 'secret'>> => {
  if (asked === 'secret') {
    const secretKey = await secretKeyOf(readConfig(), () => {})
    return { authentication: asked, secret: await seal(secretKey, 'launches from an EHR', await readSecret()) }
  }
  if (asked !== undefined) return { authentication: asked }
  if (known === undefined) return { authentication: 'none' }
  return { authentication: known.authentication, ...(known.secret === undefined ? {} : { secret: known.secret }) }
}

/** Not an argument: those stand in the shell's history, and in the list of processes. */
const readSecret = async (): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk))
  const secret = Buffer.concat(chunks).toString('utf8').trim()
  if (secret === '') throw startError('Give the secret on standard input')
  return secret
}

const print = ({ secret: _sealed, ...shown }: SmartClientConfig): void => {
  process.stdout.write(`${JSON.stringify(shown)}\n`)
}
