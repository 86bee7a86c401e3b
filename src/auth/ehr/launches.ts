/** Launches in which we are the SMART client of an EHR. https://hl7.org/fhir/smart-app-launch/app-launch.html#launch-app-ehr-launch */

import { createHash, createHmac } from 'node:crypto'
import type { JWK } from 'jose'
import { FhirError } from '../../fhir/error.ts'
import type { Outbound } from '../../messages/outbound.ts'
import type { Identity } from '../../storage/account/identity.ts'
import { keepArrival, keepEhrLaunch, takeEhrLaunch } from '../../storage/ehr/launch.ts'
import {
  findSmartClientConfig,
  listSmartClientConfigsAt,
  type SmartClientConfig,
} from '../../storage/ehr/smart-client-config.ts'
import { isOnlyStaffOf } from '../../storage/ehr/staff.ts'
import { seal } from '../../storage/secret/sealed.ts'
import { type ArrivalParts, type Arrivals, openArrivals } from './arrivals.ts'
import type { EhrClientParts } from './client.ts'
import { publicKeySet, readEhrKeys } from './keys.ts'
import { fetchLaunchedPatient } from './launched-patient.ts'
import { discoverEhr } from './metadata.ts'
import { type OrganizationEhrs, openOrganizationEhrs } from './organization-ehrs.ts'
import { type Refused, refused } from './refusal.ts'

export type EhrLaunches = {
  /** Answers the URL of the EHR to which to send the browser. `state` is a new secret, `browser` one that this browser keeps. */
  readonly begin: (asked: Asked) => Promise<{ readonly kind: 'sent'; readonly url: string } | Refused>
  /** `arrival` is a secret, by which the same browser finds who came. It begins with the same character as the state. */
  readonly finish: (config: string, query: URLSearchParams, browser: string) => Promise<Arrived | Refused>
  readonly arrivals: Arrivals
  /** Which EHRs launch us. */
  readonly organizationEhrs: OrganizationEhrs
  /** The origins whose pages may show ours in a frame when we are launched so; none if that is not configured. */
  readonly frameOrigins: (launchedBy: LaunchedBy) => Promise<readonly string[]>
  readonly publicKeys: () => Promise<{ readonly keys: readonly JWK[] }>
}

/** `config` is the id in the launch URL; without one, the first that was configured for the issuer is meant. */
type LaunchedBy = { readonly config: string | undefined; readonly issuer: string }

type Asked = LaunchedBy & { readonly launch: string; readonly state: string; readonly browser: string }

export type Arrived = {
  readonly kind: 'arrived'
  /** Id of the configuration. */
  readonly config: string
  readonly arrival: string
  /** As whom the EHR knows them. */
  readonly identity: Identity
  /** The id of the Person to sign in: they have this EHR user, and work at an organization for which the EHR is configured. */
  readonly person?: string
}

export type EhrLaunchParts = EhrClientParts &
  ArrivalParts & {
    readonly outbound: Pick<Outbound, 'send' | 'refusalOf'>
    /** The address by which others reach this server, without a slash at the end. */
    readonly address: () => string
  }

export const openEhrLaunches = (parts: EhrLaunchParts): EhrLaunches => {
  const arrivals = openArrivals(parts)
  return {
    begin: asked => begin(parts, asked),
    finish: (config, query, browser) => finish(parts, arrivals, { config, query, browser }),
    arrivals,
    organizationEhrs: openOrganizationEhrs(parts),
    frameOrigins: async launchedBy => (await findLaunched(parts, launchedBy))?.frameOrigins ?? [],
    publicKeys: async () => publicKeySet(await readEhrKeys(parts.database, parts.secretKey)),
  }
}

/** The issuer as it is stored. Spellings that differ only in slashes at the end are the same. */
export const toIssuer = (text: string): string => text.replace(/(?<!\/)\/+$/, '')

/**
 * Each configuration has a path of its own, so that the answer of one EHR is never given to another.
 * https://www.rfc-editor.org/rfc/rfc9700#section-4.4.2.2
 */
export const callbackPathOf = (config: string): string => `/launch/${config}/callback`

const begin = async (parts: EhrLaunchParts, asked: Asked): ReturnType<EhrLaunches['begin']> => {
  const { database, secretKey, outbound } = parts
  if (asked.issuer === '' || asked.launch === '') return refused('incomplete', 'iss or launch is absent')
  const config = await findLaunched(parts, asked)
  if (config === undefined) return refused('unknown-ehr', 'the iss is not configured')
  const { issuer, clientId, scope } = config
  const discovered = await discoverEhr(outbound, issuer)
  if (discovered.kind === 'refused') return discovered
  const { metadata } = discovered
  const { state, browser } = asked
  await keepEhrLaunch(database, { state, browser, config: config.id, metadata })
  const { verifier, nonce } = secretsOf(secretKey, state)
  const url = new URL(metadata.authorization_endpoint)
  const query = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: `${parts.address()}${callbackPathOf(config.id)}`,
    scope,
    state,
    aud: issuer,
    launch: asked.launch,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(config.requiresNonce ? { nonce } : {}),
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return { kind: 'sent', url: url.href }
}

type Finishing = { readonly config: string; readonly query: URLSearchParams; readonly browser: string }

const finish = async (
  parts: EhrLaunchParts,
  arrivals: Arrivals,
  { config: id, query, browser }: Finishing,
): Promise<Arrived | Refused> => {
  const { database, secretKey } = parts
  const state = query.get('state') ?? ''
  const metadata = await takeEhrLaunch(database, { state, browser, config: id })
  if (metadata === undefined) return refused('another-browser', 'the state is used, too old, or of another browser')
  const config = await findSmartClientConfig(database, id)
  if (config === undefined || !config.enabled) return refused('unknown-ehr', 'it is configured no more', config?.issuer)
  const { issuer } = config
  if (query.has('error')) return refused('denied', 'the EHR answered with an error', issuer)
  try {
    const { verifier, nonce } = secretsOf(secretKey, state)
    const { exchangeCode } = await import('./client.ts')
    const { subject, accessToken, patient } = await exchangeCode(parts, {
      config,
      metadata,
      url: new URL(`${parts.address()}${callbackPathOf(id)}?${query}`),
      state,
      verifier,
      ...(config.requiresNonce ? { nonce } : {}),
    })
    const launched = patient === undefined ? undefined : await fetchFor(parts, { issuer, id: patient, accessToken })
    if (launched?.kind === 'refused') return launched
    const arrived = { subject, ...(launched === undefined ? {} : { patient: launched.patient }) }
    const sealed = await seal(secretKey, 'launches from an EHR', JSON.stringify(arrived))
    const arrival = await keepArrival(database, { state, browser, config: id, arrived: sealed })
    const person = await personToAdmit(parts, arrivals, { config, subject })
    return {
      kind: 'arrived',
      config: id,
      arrival,
      identity: { issuer, subject },
      ...(person === undefined ? {} : { person }),
    }
  } catch (error) {
    return refused('untrusted', reasonOfTheirs(error), issuer)
  }
}

/**
 * The Person whom the launch signs in. Nobody who has left the organizations of the EHR is let in by it; somebody who has more rights there than
 * staff must sign in here.
 */
const personToAdmit = async (
  { database }: EhrLaunchParts,
  arrivals: Arrivals,
  { config, subject }: { readonly config: SmartClientConfig; readonly subject: string },
): Promise<string | undefined> => {
  const person = await arrivals.personOf(config.issuer, subject)
  if (person === undefined || (await arrivals.workplaces(person, config.id)).length === 0) return undefined
  return (await isOnlyStaffOf(database, person, config.organization)) ? person : undefined
}

const fetchFor = async (parts: EhrLaunchParts, asked: Parameters<typeof fetchLaunchedPatient>[1]) => {
  try {
    return { kind: 'fetched', patient: await fetchLaunchedPatient(parts.outbound, asked) } as const
  } catch (error) {
    return refused('no-patient', reasonOf(error), asked.issuer)
  }
}

const findLaunched = async (
  { database }: EhrLaunchParts,
  { config, issuer }: LaunchedBy,
): Promise<SmartClientConfig | undefined> => {
  const configs = (await listSmartClientConfigsAt(database, toIssuer(issuer))).filter(({ enabled }) => enabled)
  return config === undefined ? configs[0] : configs.find(({ id }) => id === config)
}

/** Made again from the state that comes back, so that the database has nothing with which a code could be used. */
const secretsOf = (secretKey: Uint8Array, state: string) => {
  const of = (what: string) => createHmac('sha256', secretKey).update(`EHR launch ${what} ${state}`).digest('base64url')
  return { verifier: of('verifier'), nonce: of('nonce') }
}

/** Throws what is a fault of ours, as while the database is away: the EHR has nothing to do with it. */
const reasonOfTheirs = (error: unknown): string => {
  if (error instanceof FhirError && error.status >= 500) throw error
  return reasonOf(error)
}

/** The library's cause says which claim or parameter is wrong, without its value. A parser's message would quote what it read. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown'
  const { cause } = error
  return cause instanceof Error && !(cause instanceof SyntaxError) ? cause.message : error.message
}
