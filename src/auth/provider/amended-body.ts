import { errors } from 'oidc-provider'
import { parseScope } from '../../access/scope.ts'
import { withoutAlias } from '../../access/scope-alias.ts'
import { isObject } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { findRecord } from '../../storage/authorization/authorization-record.ts'
import type { Connection } from '../../storage/database.ts'
import { isAppName } from '../client/app-name.ts'
import { type ClientRequest, checkClientMetadata } from '../client/client-metadata.ts'
import { contextScopes } from '../request/requested-scope.ts'
import { refreshTokenGone } from './accepted.ts'

/**
 * "client_id" is no parameter of SMART's refresh request: for a public client, it is added as the one that got the refresh token. The token
 * still decides, and the request of a client that authenticates is not changed. A scope that is asked for by an alias becomes what was granted
 * for it.
 */
export const refreshBody = async (
  connection: Connection,
  body: Buffer,
  { authorization, codeClasses }: { readonly authorization: string | undefined; readonly codeClasses: CodeClasses },
): Promise<Buffer> => {
  const form = new URLSearchParams(body.toString('utf8'))
  const token = form.get('refresh_token')
  if (form.get('grant_type') !== 'refresh_token' || token === null) return body
  // Of several, none may be left out here: the library refuses them.
  const [scope, ...others] = form.getAll('scope')
  if (scope !== undefined && others.length === 0)
    form.set('scope', withoutAliases(scope.split(' '), codeClasses).join(' '))
  const isNamed = authorization !== undefined || form.has('client_id') || form.has('client_assertion')
  if (!isNamed) form.set('client_id', await clientOf(connection, token))
  return Buffer.from(form.toString())
}

const withoutAliases = (words: readonly string[], codeClasses: CodeClasses): readonly string[] =>
  words.map(word => withoutAlias(word, 'patient', codeClasses))

const clientOf = async (connection: Connection, token: string): Promise<string> => {
  const found = await findRecord(connection, 'RefreshToken', token)
  if (typeof found?.payload.clientId === 'string') return found.payload.clientId
  throw new errors.InvalidGrant(refreshTokenGone)
}

export type Sent = { readonly authorization: string | undefined; readonly body: Buffer }

/**
 * A public client may say who it is by HTTP Basic, with an empty secret: unless it is told otherwise, requests-oauthlib does so, and sends no
 * `client_id`. The library takes no empty secret, so the id goes into the form. https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
 */
export const withoutEmptySecret = (sent: Sent): Sent => {
  const [, basic = ''] = /^Basic +(\S+)$/i.exec(sent.authorization ?? '') ?? []
  const [, id] = /^([^:]+):$/.exec(Buffer.from(basic, 'base64').toString('utf8')) ?? []
  const form = new URLSearchParams(sent.body.toString('utf8'))
  if (id === undefined || form.getAll('client_id').some(other => other !== id)) return sent
  form.set('client_id', id)
  return { authorization: undefined, body: Buffer.from(form.toString()) }
}

/**
 * The query or form of an authorization request without what only OpenID Connect reads, if it does not ask for `openid`. AppAuth for Android sends a
 * nonce with every request, and the library refuses those that ask for data alone. "The authorization server MUST ignore unrecognized request
 * parameters": https://www.rfc-editor.org/rfc/rfc6749#section-3.1
 */
export const withoutOpenId = (query: string): string => {
  const params = new URLSearchParams(query)
  const isOpenId = params.getAll('scope').some(scope => scope.split(' ').includes('openid'))
  const left = isOpenId ? [] : openIdParameters.filter(name => params.has(name))
  if (left.length === 0) return query
  for (const name of left) params.delete(name)
  return params.toString()
}

/** `max_age` is refused instead: an app that gets no answer about the sign-in could not see that it was not obeyed. */
const openIdParameters = ['acr_values', 'claims_locales', 'id_token_hint', 'nonce'] as const

/** The metadata that a client may give when it registers itself. Everything else is dropped, above all what would be a right. */
export const registrationBody = (
  body: Buffer,
  {
    refusalOf,
    codeClasses,
  }: { readonly refusalOf: (url: string) => string | undefined; readonly codeClasses: CodeClasses },
): Buffer => {
  const given = parseObject(body)
  const { client_name, scope, smart_scope: _sent, ...others } = given
  if (!isAppName(client_name))
    throw new errors.InvalidClientMetadata('client_name must be a name of at most 100 characters that can be seen')
  const asked: unknown = scope ?? ''
  if (typeof asked !== 'string')
    throw new errors.InvalidClientMetadata('scope must be a text, with a space between one scope and the next')
  const smart_scope = withoutAliases(asked.split(' '), codeClasses)
    .filter(word => contextScopes.some(one => one === word) || parseScope(word)?.context === 'patient')
    .join(' ')
  const metadata = checkClientMetadata(
    { ...others, ...(scope === undefined ? {} : { smart_scope: smart_scope.slice(0, 4000) }) },
    { refusalOf },
  )
  return Buffer.from(JSON.stringify({ ...metadata, client_name }))
}

const parseObject = (body: Buffer): ClientRequest => {
  try {
    const given: unknown = JSON.parse(body.toString('utf8'))
    if (isObject(given)) return given
  } catch {
    // Reported below.
  }
  throw new errors.InvalidRequest('the body must be a JSON object with the metadata of the client')
}
