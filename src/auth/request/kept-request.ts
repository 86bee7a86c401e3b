import { errors } from 'oidc-provider'

/** Of an authorization request, by name; the library gives `resource` several. */
export type RequestParameters = {
  scope?: string
  prompt?: string
  max_age?: string
  resource?: unknown
} & { [name: string]: unknown }

/**
 * Letters that a parameter has at most. All else that is kept is one of a few words, or compared letter by letter with what
 * this server knows.
 */
const mostLetters: Readonly<Record<string, number>> = {
  state: 8192,
  nonce: 1024,
  // An app of one machine may come with any port, and be spelled with zeros before it.
  redirect_uri: 2048,
  authorization_request: 8192,
}

/** Of what is left of it: `user/*.rs` is by then a word for each type that the client is approved for. */
const mostOfScope = 24_576

/** Anybody who knows the id of a client has such a request kept until it is answered, or over. Throws invalid_request. */
export const checkLengths = (params: RequestParameters): void => {
  for (const [name, most] of Object.entries(mostLetters)) checkLength(name, params[name], most)
}

export const checkScopeLength = ({ scope }: RequestParameters): void => checkLength('scope', scope, mostOfScope)

const checkLength = (name: string, value: unknown, most: number): void => {
  if (typeof value === 'string' && value.length > most)
    throw new errors.InvalidRequest(`${name} may have at most ${most} characters, and has ${value.length}`)
}

/** Takes out what nothing reads any more, and what says again what is said. */
export const leaveOutUnread = (params: RequestParameters): void => {
  for (const name of unread) params[name] = undefined
  if (params.prompt !== undefined) params.prompt = [...new Set(params.prompt.split(' '))].join(' ')
  if (params.max_age !== undefined) params.max_age = String(Number(params.max_age))
  // Each is this server's, or it would have been refused.
  if (Array.isArray(params.resource)) params.resource = params.resource[0]
}

/** Wishes that no page of ours follows, and a hint that the library has looked at. */
const unread = ['acr_values', 'claims_locales', 'display', 'id_token_hint', 'login_hint', 'ui_locales'] as const
