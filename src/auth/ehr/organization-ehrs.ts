import { recordingChange } from '../../accounts/organization/configuration-change.ts'
import type { OpenStoreAs } from '../../accounts/person.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Outbound } from '../../messages/outbound.ts'
import type { Connection, Database } from '../../storage/database.ts'
import type { EhrMetadata } from '../../storage/ehr/launch.ts'
import {
  addSmartClientConfig,
  findSmartClientConfigOf,
  keepSmartClientConfig,
  listInheritedEhrs,
  listSmartClientConfigsOf,
  lockSmartClientConfigOf,
  removeSmartClientConfig,
  type SmartClientConfig,
} from '../../storage/ehr/smart-client-config.ts'
import { seal } from '../../storage/secret/sealed.ts'
import type { By } from '../client/organization-apps.ts'
import { requireShown, versionOf } from '../shown-version.ts'
import { changeTo, removalOf } from './ehr-change.ts'
import { discoverEhr } from './metadata.ts'
import { problemsOf, type SaidEhr } from './said-ehr.ts'

/** The EHRs that launch us for an organization, managed by its administrators. Each change is recorded. */
export type OrganizationEhrs = {
  readonly list: (organization: string) => Promise<readonly SmartClientConfig[]>
  /** Those that are set up for organizations above it, and so for it as well. */
  readonly listInherited: (organization: string) => ReturnType<typeof listInheritedEhrs>
  /** Undefined if it does not belong to the organization. */
  readonly find: (organization: string, id: string) => Promise<SmartClientConfig | undefined>
  /** Answers the id. Throws FhirError whose issues name the parameters. */
  readonly add: (by: By, said: SaidEhr) => Promise<string>
  /**
   * The issuer cannot be changed: the stored secret would be sent to another. `version`: that of the form (`ehrVersion`). Throws `conflict` if
   * it has another by now.
   */
  readonly change: (by: By, id: string, said: SaidEhr, version: string) => Promise<void>
  readonly remove: (by: By, id: string) => Promise<void>
  /** Asks the EHR for its metadata, as a launch would. */
  readonly check: (config: SmartClientConfig) => Promise<EhrCheck>
}

export type EhrCheck =
  | { readonly kind: 'found'; readonly metadata: EhrMetadata; readonly problems: readonly string[] }
  | { readonly kind: 'refused'; readonly reason: string }

type Parts = {
  readonly database: Database
  readonly secretKey: Uint8Array
  readonly openStoreAs: OpenStoreAs
  readonly outbound: Pick<Outbound, 'send' | 'refusalOf'>
}

export const openOrganizationEhrs = (parts: Parts): OrganizationEhrs => {
  const { database, outbound } = parts
  return {
    list: organization => listSmartClientConfigsOf(database, organization),
    listInherited: organization => listInheritedEhrs(database, organization),
    find: (organization, id) => findSmartClientConfigOf(database, organization, id),
    add: async (by, said) => {
      const config = await configOf(parts, by, said)
      return recordingChange({ ...parts, ...by }, async connection => {
        const id = await addSmartClientConfig(connection, config)
        if (id === undefined)
          throw new FhirError('invalid', 'This EHR is set up for the organization already', { expression: 'issuer' })
        return { answer: id, change: changeTo({ id, ...config }) }
      })
    },
    change: (by, id, said, version) =>
      recordingChange({ ...parts, ...by }, async connection => {
        const before = await known(connection, by, id)
        requireShown(before, version)
        const config = await configOf(parts, by, { ...said, issuer: before.issuer }, before)
        await keepSmartClientConfig(connection, config)
        return { answer: undefined, change: changeTo({ id, ...config }, before) }
      }),
    remove: (by, id) =>
      recordingChange({ ...parts, ...by }, async connection => {
        const removed = removalOf(await known(connection, by, id))
        await removeSmartClientConfig(connection, id)
        return { answer: undefined, change: removed }
      }),
    check: async config => {
      const discovered = await discoverEhr(outbound, config.issuer)
      if (discovered.kind === 'refused') return { kind: 'refused', reason: discovered.reason }
      const { metadata } = discovered
      return { kind: 'found', metadata, problems: problemsWith(config, metadata, outbound) }
    },
  }
}

export const ehrVersion = (config: SmartClientConfig): string => versionOf(config)

const known = async (connection: Connection, { organization }: By, id: string): Promise<SmartClientConfig> => {
  const config = await lockSmartClientConfigOf(connection, organization, id)
  if (config === undefined) throw new FhirError('not-found', 'There is no such EHR')
  return config
}

const configOf = async (
  { outbound, secretKey }: Parts,
  { organization }: By,
  { secret, ...said }: SaidEhr,
  before?: SmartClientConfig,
): Promise<Omit<SmartClientConfig, 'id'>> => {
  const knowsSecret = before?.secret !== undefined
  // An EHR that is set up can still be turned off or changed if requests to it are not allowed any more; `check` reports that.
  const refusalOf = before === undefined ? outbound.refusalOf : () => undefined
  const [first, ...others] = problemsOf({ ...said, secret }, { refusalOf, knowsSecret })
  if (first !== undefined) throw FhirError.of([first, ...others])
  if (said.authentication !== 'secret') return { ...said, organization }
  const sealed = secret === '' ? before?.secret : await seal(secretKey, 'launches from an EHR', secret)
  return { ...said, organization, ...(sealed === undefined ? {} : { secret: sealed }) }
}

/** What would make a launch fail, as far as it can be told from here. */
const problemsWith = (
  { authentication, issuer }: SmartClientConfig,
  metadata: EhrMetadata,
  { refusalOf }: Pick<Outbound, 'refusalOf'>,
): readonly string[] => {
  const unreachable = [metadata.token_endpoint, metadata.jwks_uri, issuer].flatMap(url => {
    const reason = refusalOf(url)
    return reason === undefined
      ? []
      : [`${url} may not be asked: ${reason}. The operator of this server has to allow it.`]
  })
  const methods = metadata.token_endpoint_auth_methods_supported
  const accepted = methodsOf[authentication]
  const isOffered = methods === undefined || accepted.length === 0 || methods.some(one => accepted.includes(one))
  return isOffered
    ? unreachable
    : [
        ...unreachable,
        `It says that clients authenticate by ${methods.join(', ')}, and not by ${accepted.join(' or ')}.`,
      ]
}

/** The methods that the EHR must support. That it takes public clients, few say, so nothing is required for these. */
const methodsOf: Readonly<Record<SmartClientConfig['authentication'], readonly string[]>> = {
  none: [],
  secret: ['client_secret_basic', 'client_secret_post'],
  private_key_jwt: ['private_key_jwt'],
}
