import { type Adapter, type AdapterPayload, errors, Provider } from 'oidc-provider'
import { parseScopes } from '../../access/scope.ts'
import { limitScopes } from '../../access/scope-limit.ts'
import { recordClientSignIn } from '../../storage/audit/sign-in.ts'
import { findGrant, revokeGrants } from '../../storage/authorization/authorization-grant.ts'
import {
  consumeRecord,
  findRecord,
  isKept,
  keepOnce,
  keepRecord,
  removeExpired,
  removeRecord,
} from '../../storage/authorization/authorization-record.ts'
import { findClient } from '../../storage/authorization/client-registration.ts'
import { findIssuedToken, type IssuedToken, keepIssuedToken } from '../../storage/authorization/issued-token.ts'
import { revokeToken } from '../../storage/authorization/token.ts'
import type { Connection } from '../../storage/database.ts'
import { keepSelfRegistered, toProviderClient } from '../client/client-model.ts'
import type { KeySets } from '../client/key-sets.ts'
import { type GrantEventParts, recordingGrant } from '../granted/grant-event.ts'
import { isContextScope, type ScopeRules } from '../request/requested-scope.ts'
import { withNarrower, withoutNarrower } from './narrower-scope.ts'
import { requireRedirectUri } from './redirect-uri.ts'
import { noteNotFound } from './refused-client.ts'
import { UsedTwice, useLater, useProof, useProofNow, writeWithUse } from './use-once.ts'

export type AdapterParts = GrantEventParts & {
  readonly keySets: KeySets
  readonly rules: ScopeRules
  /** Absolute FHIR base: the resource server of every token. */
  readonly fhir: () => string
  /** Called when tokens have been revoked. */
  readonly onRevoked: () => void
}

/**
 * Where oidc-provider stores what it knows. The library first looks and then writes, so that several requests at once would all succeed. Here
 * each use of a code, refresh token or assertion is one statement, and the second use is refused and ends what the first one gave.
 */
export const openAdapter = (parts: AdapterParts): ((name: string) => Adapter) => {
  const revoke = async (grantId: string) => {
    await useProofNow(parts.database)
    await endGrant(parts, grantId)
  }
  const adapters: Readonly<Record<string, Partial<Adapter>>> = {
    AccessToken: accessTokens(parts, 'user'),
    ClientCredentials: accessTokens(parts, 'client'),
    Grant: { ...grants(parts), destroy: revoke },
    Client: clients(parts),
    ReplayDetection: replays(parts),
    // Only our own pages know who is signed in; for the library, a session lasts as long as a request.
    Session: { upsert: async () => {}, destroy: async () => {} },
  }
  return name => ({ ...unused, ...(adapters[name] ?? records(parts, name)) })
}

/** Codes and tokens end with their grant. */
const unused: Adapter = {
  upsert: async () => {
    throw new Error('this is not made by the library')
  },
  find: async () => undefined,
  findByUid: async () => undefined,
  findByUserCode: async () => undefined,
  consume: async () => {},
  destroy: async () => {},
  revokeByGrantId: async () => {},
}

/** Ends a grant, either because the app revokes it, or because something that works only once was used twice. */
export const endGrant = async (parts: AdapterParts, id: string): Promise<void> => {
  await recordEnd(parts, id)
  parts.onRevoked()
}

const recordEnd = async (parts: AdapterParts, id: string): Promise<void> => {
  const { database } = parts
  const grant = await findGrant(database, id)
  // For a grant that ends by itself or with a sign-in, that was recorded when it was given.
  if (grant === undefined) return void (await database.transaction(connection => revokeGrants(connection, { id })))
  const { person, client, patient, scope } = grant
  const told =
    Provider.ctx?.path === '/token/revocation'
      ? 'gave back what it was allowed'
      : 'lost what it was allowed: a code or refresh token that works once came twice'
  await recordingGrant(
    parts,
    { what: 'revoked', by: { kind: 'client', id: client }, told, person, client, patient, scope },
    async connection => (await revokeGrants(connection, { id })) > 0 || undefined,
  )
}

/**
 * The library finds that there is no grant before it sees that a code or refresh token comes a second time. But a grant that is not in force for lack
 * of a role is in force again with that role, and what came of it would be, too.
 */
const endIfAtRest = async (parts: AdapterParts, { clientId, grantId }: AdapterPayload): Promise<void> => {
  const { ctx } = Provider
  if (grantId === undefined || ctx?.path !== '/token' || ctx.oidc.client?.clientId !== clientId) return
  if ((await findGrant(parts.database, grantId)) !== undefined) return
  await useProofNow(parts.database)
  await endGrant(parts, grantId)
}

const records = (parts: AdapterParts, kind: string): Partial<Adapter> => ({
  upsert: async (key, { jti: _key, ...given }, ttlSeconds = 0) => {
    await removeExpired(parts.database)
    const payload = isRefresh(kind, given) ? { ...given, scope: withoutNarrower(given.scope) } : given
    await writeWithUse(parts.database, connection =>
      keepRecord(connection, { kind, key, payload, grantId: payload.grantId, ttlSeconds }),
    )
  },
  find: async key => {
    const found = await findRecord(parts.database, kind, key)
    if (found === undefined) return undefined
    const { payload, consumedAt } = found
    if (consumedAt !== null && endWithGrant.has(kind)) await endIfAtRest(parts, payload)
    const scope = isRefresh(kind, payload) ? { scope: withNarrower(payload.scope, parts.rules) } : {}
    return { ...payload, ...scope, jti: key, ...(consumedAt === null ? {} : { consumed: true }) }
  },
  consume: async key => {
    if (kind === 'AuthorizationCode') requireRedirectUri()
    await useLater(parts.database, async connection => {
      if (await consumeRecord(connection, kind, key)) return
      throw new UsedTwice((await findRecord(connection, kind, key))?.payload.grantId)
    })
  },
  destroy: async key => {
    if (endWithGrant.has(kind)) return
    const remove = (connection: Connection) => removeRecord(connection, kind, key)
    // What a person has decided is used up together with the code that it leads to.
    await (kind === 'Interaction' ? useLater(parts.database, remove) : remove(parts.database))
  },
})

/**
 * The library removes what an app gives back, and then ends the grant. If the database went away in between, the app would be told to come again, and
 * then that it is done. So these go in the commit in which their grant ends.
 */
const endWithGrant: ReadonlySet<string> = new Set(['AuthorizationCode', 'RefreshToken'])

/** An assertion can be used only once. `find` never finds any, so that the library always writes, and only one write succeeds. */
const replays = ({ database }: AdapterParts): Partial<Adapter> => ({
  upsert: async (key, { iss }, ttlSeconds = 0) => {
    const kind = 'ReplayDetection'
    const refused = () => new errors.InvalidClientAuth('client assertions are used once')
    // Whoever sends again what an app has sent is refused here, before the library sees that a refresh token comes twice and ends the grant.
    if (await isKept(database, kind, key)) throw refused()
    await useProof(database, async connection => {
      if (!(await keepOnce(connection, { kind, key, payload: { iss }, ttlSeconds }))) throw refused()
    })
  },
})

const isRefresh = (kind: string, payload: AdapterPayload): payload is AdapterPayload & { readonly scope: string } =>
  kind === 'RefreshToken' && typeof payload.scope === 'string'

const accessTokens = ({ database, fhir, onRevoked }: AdapterParts, kind: 'user' | 'client'): Partial<Adapter> => ({
  upsert: async (token, payload, ttlSeconds = 0) => {
    const { clientId = '', scope = '', grantId, iat, gty, extra } = payload
    const issued = { iat, gty, extra }
    await writeWithUse(database, async connection => {
      const by =
        grantId === undefined ? { approved: await approvedFor(connection, clientId, scope) } : { grant: grantId }
      if (!(await keepIssuedToken(connection, { token, client: clientId, scope, issued, ttlSeconds, ...by })))
        throw new errors.InvalidGrant('what it was granted by is in force no more')
      if (kind === 'client') await recordClientSignIn(connection, { client: clientId, outcome: 200 })
    })
  },
  find: async token => {
    // What an app gives back is over also if the grant is not in force at the moment, and would be again.
    const isGivenBack = Provider.ctx?.path === '/token/revocation'
    const found = await findIssuedToken(database, kind, token, { atRest: isGivenBack })
    if (found === undefined) return undefined
    const payload: AdapterPayload = {
      ...found.issued,
      kind: kind === 'client' ? 'ClientCredentials' : 'AccessToken',
      jti: token,
      clientId: found.client,
      scope: found.scope,
      exp: epoch(found.expiresAt),
      aud: fhir(),
      ...accountOf(found),
      ...(found.grant === undefined ? {} : { grantId: found.grant }),
    }
    return payload
  },
  destroy: async token => {
    // It ends with its grant, like the records of `endWithGrant`. Only a token that nobody allowed, as that of a backend client, has none.
    if ((await findIssuedToken(database, kind, token, { atRest: true }))?.grant !== undefined) return
    await revokeToken(database, token)
    onRevoked()
  },
})

/** All that a backend client may have, if the scope is still within that. */
const approvedFor = async (connection: Connection, id: string, scope: string): Promise<string> => {
  const approved = (await findClient(connection, id))?.scope ?? ''
  const isWithin = limitScopes(scope.split(' '), parseScopes(approved)).join(' ') === scope
  if (!isWithin) throw new errors.InvalidGrant('what it was granted by is in force no more')
  return approved
}

/** Grants are made by our own pages, and only read by the library. */
const grants = ({ database, fhir, rules }: AdapterParts): Partial<Adapter> => ({
  find: async id => {
    const grant = await findGrant(database, id)
    if (grant === undefined) return undefined
    const openid = grant.scope.split(' ').filter(isContextScope).join(' ')
    return {
      kind: 'Grant',
      jti: id,
      accountId: grant.person ?? grant.patient,
      clientId: grant.client,
      iat: epoch(grant.grantedAt),
      exp: epoch(grant.expiresAt),
      ...(openid === '' ? {} : { openid: { scope: openid } }),
      resources: { [fhir()]: withNarrower(grant.scope, rules) },
    }
  },
})

const clients = ({ database, keySets }: AdapterParts): Partial<Adapter> => ({
  upsert: async (_id, metadata) => {
    await removeExpired(database)
    await keepSelfRegistered(database, metadata)
  },
  find: async id => {
    // The id comes from inside an assertion; one that was sent in the open cannot have this character.
    if (id.includes('\0')) return undefined
    const client = await findClient(database, id)
    if (client === undefined) noteNotFound(id)
    return client && toProviderClient(client, Provider.ctx?.oidc?.params?.client_assertion, keySets)
  },
})

/** The account to which the token belongs; none for a client's own token. */
const accountOf = ({ person, patient }: IssuedToken) => {
  const accountId = person ?? patient
  return accountId === undefined ? {} : { accountId }
}

const epoch = (time: Date): number => Math.floor(time.getTime() / 1000)
