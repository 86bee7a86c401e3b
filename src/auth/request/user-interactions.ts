import type { Interaction as Kept, Provider } from 'oidc-provider'
import { parseScope } from '../../access/scope.ts'
import { FhirError } from '../../fhir/error.ts'
import { holdSession } from '../../storage/account/session.ts'
import { findGrant, grantIdOf, type NewGrant } from '../../storage/authorization/authorization-grant.ts'
import { findClient, type RegisteredClient } from '../../storage/authorization/client-registration.ts'
import { findLaunch, type GrantContext, type LaunchContext } from '../../storage/authorization/launch.ts'
import { createSharing } from '../../storage/authorization/sharing-partner.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { organizationName } from '../../storage/organization/organization.ts'
import { type GrantEvent, recordingGrant } from '../granted/grant-event.ts'
import { interactionCookie, lifetimes, type ProviderParts } from '../provider/provider-parts.ts'
import { readLinkAsked, readOwnLink, type SharingLink } from '../sharing/sharing-link.ts'
import { isGiven, isOver, offeredNow, requireOffered } from './offered-scope.ts'
import type { Choices } from './patient-choice.ts'
import { isRecent, loginOf, wantsRecent } from './recent-sign-in.ts'
import { needsPatient } from './requested-scope.ts'
import { type Decision, type SignedIn, toAskingClient, type UserInteraction } from './user-interaction.ts'

/**
 * What the page `/authorize/:id` needs, to which an app's request sends a person's browser:
 * - GET: `find(id, cookie header, signed in)`. `unknown`: the request is over, so say to start again from the app. `sign-in`: send them to
 *   `/sign-in?continue=/authorize/<id>`, with `prompt=login` if it `isAnew`. `other-person`: the app was opened by somebody else. `decide`: show
 *   what the app asks for, and if `patients` is `choose`, let them find one with `choices`.
 * - POST (from a form that only our own page can send): `allow` with what was left ticked, or `deny`. Both answer the location to which to
 *   redirect, with 303.
 * Only the browser in which the app began has the cookie, so that nobody can be made to decide about another's request.
 */
export type UserInteractions = {
  readonly find: (id: string, cookies: string | undefined, signedIn: SignedIn | undefined) => Promise<UserInteraction>
  /**
   * `scopes`: those that were asked for, or narrower ones: with fewer letters, one type of a wildcard, or an additional query. Throws `invalid`
   * if one is not, `required` if a patient is needed and none was chosen, `forbidden` if the person may not choose that patient, `business-rule`
   * if a sharing link has another patient under the same id.
   */
  readonly allow: (id: string, cookies: string | undefined, signedIn: SignedIn, decision: Decision) => Promise<string>
  /** Can also be called for somebody who is not signed in. */
  readonly deny: (id: string, cookies: string | undefined, signedIn: SignedIn | undefined) => Promise<string>
  readonly choices: Choices
}

type Parts = ProviderParts & { readonly choices: Choices }

export const openUserInteractions = (parts: Parts, provider: () => Promise<Provider>): UserInteractions => {
  const { database, choices } = parts
  const keptOf = async (id: string, cookies: string | undefined): Promise<Kept | undefined> =>
    hasCookie(cookies, id) ? (await provider()).Interaction.find(id) : undefined

  /** The app may be answered elsewhere by now. */
  const isAnswerable = async ({ params }: Kept): Promise<boolean> =>
    (await (await provider()).Client.find(String(params.client_id)))?.redirectUriAllowed(
      String(params.redirect_uri),
    ) === true

  const find: UserInteractions['find'] = async (id, cookies, signedIn) => {
    const kept = await keptOf(id, cookies)
    if (kept?.result?.consent?.grantId !== undefined && kept.result.login?.accountId === signedIn?.person)
      return { kind: 'allowed', location: kept.returnTo }
    const client = kept && (await findClient(database, String(kept.params.client_id)))
    if (kept === undefined || client === undefined || kept.result !== undefined || !(await isAnswerable(kept)))
      return { kind: 'unknown' }
    const shown = { id, client: await askingOf(parts, kept, client) }
    if (signedIn === undefined || !isRecent(kept, signedIn))
      return { kind: 'sign-in', ...shown, isAnew: signedIn !== undefined || wantsRecent(kept) }
    return { ...shown, ...(await questionFor(parts, kept, client, signedIn.person)) }
  }

  const allow: UserInteractions['allow'] = async (id, cookies, signedIn, decision) => {
    const found = await find(id, cookies, signedIn)
    if (found.kind === 'allowed') return found.location
    const kept = await keptOf(id, cookies)
    if (found.kind !== 'decide' || kept === undefined) throw isOver()
    const refused = decision.scopes.find(word => !isGiven(word, found.scopes, parts.rules))
    if (refused !== undefined) throw new FhirError('invalid', `${refused} is not among what the app asked`)
    const patient = isToldPatient(kept, decision) ? await patientOf(found, decision, signedIn, choices) : undefined
    const link = await readOwnLink(parts, kept.params.authorization_request, { ...signedIn, patient })
    const grant = await grantFor(parts, { id, kept, decision, signedIn, patient, link })
    const event = eventOf(found, decision, signedIn, patient)
    await recordingGrant(parts, event, async connection => {
      // They may have been signed out since, by somebody who ended whatever the account had allowed.
      if (!(await holdSession(connection, signedIn.id))) throw isOver()
      await requireOffered(connection, grant.client, decision.scopes)
      return createSharing(connection, grant, link)
    })
    const given = await findGrant(database, grantIdOf(id))
    if (given?.person !== signedIn.person)
      throw new FhirError('conflict', 'The app was opened once already: open it anew')
    kept.params.scope = given.scope
    return finish(kept, { login: loginOf(signedIn), consent: { grantId: given.id } })
  }

  const deny: UserInteractions['deny'] = async (id, cookies, signedIn) => {
    const kept = await keptOf(id, cookies)
    if (kept === undefined) throw isOver()
    if (signedIn !== undefined) await recordingGrant(parts, refusalOf(kept, signedIn), async () => 'refused')
    return finish(kept, { error: 'access_denied', error_description: 'the person has not agreed' })
  }
  return { find, allow, deny, choices }
}

type Allowed = {
  readonly id: string
  readonly kept: Kept
  readonly decision: Decision
  readonly signedIn: SignedIn
  readonly patient: string | undefined
  readonly link: SharingLink | undefined
}

/** One grant for each question: somebody who sends the form twice has said yes once. */
const grantFor = async (parts: Parts, { id, kept, decision, signedIn, patient, link }: Allowed): Promise<NewGrant> => ({
  person: signedIn.person,
  client: String(kept.params.client_id),
  scope: decision.scopes.join(' '),
  ...(patient === undefined ? {} : { patient }),
  context: await contextOf(parts, kept, decision),
  ...lifeOf(decision.scopes, signedIn, link),
  ...(typeof kept.params.launch === 'string' ? { launch: kept.params.launch } : {}),
  question: id,
})

const eventOf = (
  { client, scopes: asked }: Extract<UserInteraction, { kind: 'decide' }>,
  { scopes: granted }: Decision,
  { person }: SignedIn,
  patient: string | undefined,
): GrantEvent => {
  const isLess = asked.some(word => !granted.includes(word))
  return {
    what: isLess ? 'narrowed' : 'given',
    by: { kind: 'person', id: person },
    told: isLess ? 'was allowed less than it asked for' : 'was allowed what it asked for',
    person,
    client: client.id,
    patient,
    asked,
    granted,
  }
}

const refusalOf = ({ params }: Kept, { person }: SignedIn): GrantEvent => ({
  what: 'refused',
  by: { kind: 'person', id: person },
  told: 'was allowed nothing',
  person,
  client: String(params.client_id),
  asked: String(params.scope ?? '').split(' '),
})

const askingOf = async ({ database }: Parts, { params }: Kept, client: RegisteredClient) =>
  toAskingClient(client, {
    redirectUri: String(params.redirect_uri),
    organization: client.organization && (await organizationName(database, client.organization)),
  })

type Question =
  | { readonly kind: 'unknown' | 'other-person' }
  | Omit<Extract<UserInteraction, { kind: 'decide' }>, 'id' | 'client'>

const questionFor = async (parts: Parts, kept: Kept, client: RegisteredClient, person: string): Promise<Question> => {
  const launch = await launchOf(parts, kept)
  if (launch === 'over') return { kind: 'unknown' }
  if (launch !== undefined && launch.person !== person) return { kind: 'other-person' }
  const { authorization_request: jwt } = kept.params
  const link = await readLinkAsked(parts, jwt)
  // A link that has ended since it was opened would be shown without the end that it names, and could not be allowed.
  if (typeof jwt === 'string' && link === undefined) return { kind: 'unknown' }
  const scopes = await scopesFor(parts, kept, client, person)
  const patients = await patientsFor(parts.choices, scopes, launch?.context, [person, client.id])
  const study = launch?.context.study
  const until = link && new Date(Date.now() + 1000 * link.ttlSeconds)
  return { kind: 'decide', scopes, patients, ...(study === undefined ? {} : { study }), ...(until && { until }) }
}

const finish = async (kept: Kept, result: Kept['result']): Promise<string> => {
  kept.result = result
  await kept.persist()
  return kept.returnTo
}

const hasCookie = (cookies: string | undefined, id: string): boolean =>
  cookies?.split(/; */).includes(`${interactionCookie}=${id}`) ?? false

/** `over`: used already, or unknown. */
const launchOf = async ({ database }: Parts, { params }: Kept) =>
  typeof params.launch === 'string' ? ((await findLaunch(database, params.launch)) ?? 'over') : undefined

/** What staff see belongs to their organization: for `user/` scopes to it, the app must be approved by the organization, or one above it. */
const scopesFor = async (
  { database }: Parts,
  { params }: Kept,
  client: RegisteredClient,
  person: string,
): Promise<readonly string[]> => {
  const scope = String(params.scope ?? '')
  const { scopes: theirs } = await callerOfPerson(database, { person, client: client.id, scope })
  const mayAll = theirs.some(({ context }) => context === 'user')
  return offeredNow(scope.split(' '), client).filter(word => mayAll || parseScope(word)?.context !== 'user')
}

const patientsFor = async (
  choices: Choices,
  scopes: readonly string[],
  launch: LaunchContext | undefined,
  asked: readonly [person: string, client: string],
): Promise<'none' | 'choose' | { readonly given: string }> => {
  if (launch?.patient !== undefined) return { given: launch.patient }
  if (!needsPatient(scopes)) return 'none'
  const given = await choices.only(...asked)
  return given === undefined ? 'choose' : { given }
}

/** Whoever unticks all that would tell which patient it is about does not tell it. A launch, or a partner’s link, is about a patient in any case. */
const isToldPatient = ({ params }: Kept, { scopes }: Decision): boolean =>
  needsPatient(scopes) || params.launch !== undefined || params.authorization_request !== undefined

/** The context of the launch without its patient. If it names a study, the person cannot choose another. */
const contextOf = async (parts: Parts, kept: Kept, { study }: Decision): Promise<GrantContext> => {
  const launch = await launchOf(parts, kept)
  const { patient: _patient, ...told } = launch === undefined || launch === 'over' ? {} : launch.context
  return { ...(study === undefined ? {} : { study }), ...told }
}

const patientOf = async (
  { patients, client }: Extract<UserInteraction, { kind: 'decide' }>,
  { scopes, patient }: Decision,
  { person }: SignedIn,
  choices: Choices,
): Promise<string | undefined> => {
  const given = typeof patients === 'object' ? patients.given : undefined
  if (given !== undefined && patient !== undefined && patient !== given)
    throw new FhirError('forbidden', 'The app was opened for another patient')
  const chosen = given ?? patient
  if (chosen === undefined && !needsPatient(scopes)) return undefined
  if (chosen === undefined) throw new FhirError('required', 'Choose the patient whose data it is about')
  if (await choices.includes(person, client.id, chosen)) return chosen
  throw new FhirError('forbidden', 'This patient is not yours to choose')
}

/** How long the grant lasts. Without a refresh token, nothing of it outlives the access token. */
const lifeOf = (scopes: readonly string[], { id }: SignedIn, link: SharingLink | undefined) => {
  if (scopes.includes('offline_access'))
    return { ttlSeconds: Math.min(offlineSeconds, link?.ttlSeconds ?? offlineSeconds) }
  if (!scopes.includes('online_access')) return { ttlSeconds: lifetimes.accessToken + lifetimes.interaction }
  return { ttlSeconds: lifetimes.refreshToken, session: id }
}

/** The person is asked again once a year. */
const offlineSeconds = 365 * 24 * 3600
