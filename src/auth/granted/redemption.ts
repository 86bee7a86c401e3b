import { createHash } from 'node:crypto'
import type { Patient } from '@medplum/fhirtypes'
import type { Provider } from 'oidc-provider'
import { ownStore } from '../../accounts/person.ts'
import { FhirError } from '../../fhir/error.ts'
import { isBarredPatientId } from '../../storage/account/barred.ts'
import { createGrant, revokeGrants } from '../../storage/authorization/authorization-grant.ts'
import { holdClient } from '../../storage/authorization/client-registration.ts'
import type { Connection } from '../../storage/database.ts'
import { addressesOf } from '../../storage/model/patient-address.ts'
import {
  type AppInvitation,
  findAppInvitation,
  isAppToken,
  listRedeemingApps,
  lockAppInvitation,
  noteRedeemed,
  type RedeemingApp,
} from '../../storage/study/app-invitation.ts'
import { addTakenUp } from '../../storage/study/study-message.ts'
import { lifetimes, type ProviderParts } from '../provider/provider-parts.ts'
import { recordingGrant } from './grant-event.ts'

/** Invitations that apps redeem by themselves, without a browser, if the operator trusts the app to. */
export type Redemption = {
  /**
   * Answers a code for the token endpoint; its `code_verifier` is the base64url of the token's text. What an earlier redemption gave ends.
   * Throws FhirError: `not-found` for an invitation that nobody was sent; `expired` (410) after seven days; `conflict` if it was used more than
   * twelve hours ago, or the patient has said that the app is theirs, or it was replaced; `forbidden` if it was called off.
   */
  readonly redeem: (token: string) => Promise<Redeemed>
  /** The trusted apps, by name. */
  readonly apps: () => Promise<readonly RedeemingApp[]>
}

type Redeemed = {
  readonly grant: {
    readonly grant_type: 'authorization_code'
    readonly redirect_uri: string
    readonly client_id: string
    readonly code: string
  }
  readonly expiresAt: Date
}

export const openRedemption = (parts: ProviderParts, provider: () => Promise<Provider>): Redemption => ({
  apps: () => listRedeemingApps(parts.database),
  redeem: async token => {
    const found = isAppToken(token) ? await findAppInvitation(parts.database, token) : undefined
    if (found === undefined) throw unknown
    await requireOpen(parts.database, found)
    const grant = await grantOf(parts, found, token)
    return codeFor(await provider(), found, { grant, token, resource: parts.fhir() })
  },
})

const unknown = new FhirError('not-found', 'There is no such invitation')

const requireOpen = async (connection: Connection, found: AppInvitation): Promise<void> => {
  const reason = reasonAgainst(found)
  if (reason !== undefined) throw reason
  if (await isBarredPatientId(connection, found.patient)) throw new FhirError('forbidden', over)
}

const over = 'The invitation is over: ask whoever sent it for another one'

const reasonAgainst = ({
  endedBy,
  isEnrolled,
  isExpired,
  isProven,
  redeemed,
}: AppInvitation): FhirError | undefined => {
  if (endedBy === 'cancelled' || endedBy === 'tries' || endedBy === 'address' || !isEnrolled)
    return new FhirError('forbidden', over)
  if (endedBy === 'replaced')
    return new FhirError('conflict', 'A newer invitation was sent in the place of this one: use that')
  // Somebody else who has the message must not be able to end what the patient has.
  if (redeemed === 'long-ago' || isProven)
    return new FhirError('conflict', 'The invitation was used already: ask whoever sent it for another one')
  return redeemed === 'never' && isExpired ? new FhirError('expired', over, { status: 410 }) : undefined
}

/** Answers the id of the grant. If a token is redeemed several times at once, the last one counts. */
const grantOf = async (parts: ProviderParts, { client, patient }: AppInvitation, token: string): Promise<string> => {
  const event = {
    what: 'given',
    by: { kind: 'client', id: client },
    told: 'has taken up an invitation by itself; it sees nothing that is older until the patient says that it is theirs',
    client,
    patient,
    granted: scopes,
  } as const
  const addresses = await addressesOfPatient(parts, patient)
  const id = await recordingGrant(parts, event, async connection => {
    // Before it is asked whether the app is trusted, so that it stays so.
    if ((await holdClient(connection, client)) === undefined) throw unknown
    const found = await lockAppInvitation(connection, token)
    if (found === undefined) throw unknown
    await requireOpen(connection, found)
    if (found.grant !== null) await revokeGrants(connection, { id: found.grant })
    const { study, organization, now } = found
    const unproven = { since: now.toISOString(), study, organization: organization ?? '' }
    const made = await createGrant(connection, {
      client,
      patient,
      scope: scopes.join(' '),
      context: { unproven },
      ttlSeconds: lifetimes.refreshToken,
    })
    if (made === undefined) return undefined
    await noteRedeemed(connection, token, made)
    await addTakenUp(connection, { patient, study, addresses })
    return made
  })
  if (id === undefined) throw new Error('a grant without a launch was refused')
  parts.onRevoked()
  return id
}

const addressesOfPatient = async ({ openStoreAs }: ProviderParts, patient: string) => {
  const { content } = await ownStore(openStoreAs).read('Patient', patient)
  return addressesOf(JSON.parse(content) as Patient)
}

/** The scopes for what a patient's app does: it says what they share, and sends it. */
const scopes = [
  'openid',
  'offline_access',
  'patient/Patient.rs',
  'patient/Observation.cruds',
  'patient/Consent.cruds',
  'patient/Device.rs',
  'patient/ResearchStudy.rs',
  'patient/Organization.rs',
]

const codeFor = async (
  provider: Provider,
  { client, patient }: AppInvitation,
  { grant, token, resource }: { readonly grant: string; readonly token: string; readonly resource: string },
): Promise<Redeemed> => {
  const known = await provider.Client.find(client)
  const [redirectUri] = known?.redirectUris ?? []
  if (known === undefined || redirectUri === undefined) throw new FhirError('forbidden', over)
  const verifier = Buffer.from(token, 'utf8').toString('base64url')
  const code = new provider.AuthorizationCode({
    client: known,
    accountId: patient,
    grantId: grant,
    resource,
    redirectUri,
    scope: scopes.join(' '),
    codeChallenge: createHash('sha256').update(verifier).digest('base64url'),
    codeChallengeMethod: 'S256',
    gty: 'authorization_code',
    expiresWithSession: false,
  })
  const value = await code.save()
  return {
    grant: { grant_type: 'authorization_code', redirect_uri: redirectUri, client_id: client, code: value },
    expiresAt: new Date(Date.now() + lifetimes.authorizationCode * 1000),
  }
}
