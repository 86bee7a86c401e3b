import { errors } from 'oidc-provider'

/** The parameters of an authorization request, by name. The library may give several values for `resource`. */
export type RequestParameters = {
  scope?: string
  prompt?: string
  max_age?: string
  resource?: unknown
} & { [name: string]: unknown }

/**
 * How many letters a parameter may have. Everything else that is kept is one of a few words, or is compared letter by letter with what this
 * server knows.
 */
const mostLetters: Readonly<Record<string, number>> = {
  state: 8192,
  nonce: 1024,
  // An app on one machine may have any port, written with zeros before it.
  redirect_uri: 2048,
  authorization_request: 8192,
}

/** For the scopes that are left. By now, `user/*.rs` has become a word for each type for which the client is approved. */
const mostOfScope = 24_576

/** Limits what is stored: anybody who knows the id of a client can have a request kept until it is answered or expires. Throws invalid_request. */
export const checkLengths = (params: RequestParameters): void => {
  for (const [name, most] of Object.entries(mostLetters)) checkLength(name, params[name], most)
}

export const checkScopeLength = ({ scope }: RequestParameters): void => checkLength('scope', scope, mostOfScope)

const checkLength = (name: string, value: unknown, most: number): void => {
  if (typeof value === 'string' && value.length > most)
    throw new errors.InvalidRequest(`${name} may have at most ${most} characters, and has ${value.length}`)
}

/** Removes what is not read any more, and repetitions. */
export const leaveOutUnread = (params: RequestParameters): void => {
  for (const name of unread) params[name] = undefined
  if (params.prompt !== undefined) params.prompt = [...new Set(params.prompt.split(' '))].join(' ')
  if (params.max_age !== undefined) params.max_age = String(Number(params.max_age))
  // All of them are this server's; others would have been refused.
  if (Array.isArray(params.resource)) params.resource = params.resource[0]
}

/** Wishes that our pages do not follow, and a hint that the library has already used. */
const unread = ['acr_values', 'claims_locales', 'display', 'id_token_hint', 'login_hint', 'ui_locales'] as const
