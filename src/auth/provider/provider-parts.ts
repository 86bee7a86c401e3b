import type { RegisteredClient } from '../../storage/authorization/client-registration.ts'
import type { AdapterParts } from './adapter.ts'

export type ProviderParts = AdapterParts & {
  /** The address by which others reach this server, without a slash at the end. */
  readonly base: () => string
  /** The bases by which an app may know this server. */
  readonly audiences: () => readonly string[]
  readonly secretKey: Uint8Array
  /** Whether clients may register themselves. */
  readonly isRegistrationOpen: boolean
  readonly reportFault: (fault: unknown) => void
  /** A page, as HTML, for a person whose app sent them with a request that cannot be answered, and not be sent back either. */
  readonly errorPage: (told: Unanswerable) => string
}

export type Unanswerable = {
  readonly error: string
  readonly description: string
  /** From 500 on, it is no fault of the app's. */
  readonly status: number
  /** What the browser says of it. */
  readonly language: string
}

/** Seconds. */
export const lifetimes = {
  accessToken: 3600,
  backendToken: 300,
  authorizationCode: 60,
  interaction: 1800,
  refreshToken: 90 * 24 * 3600,
} as const

export const interactionCookie = 'sharewell_interaction'
export const sessionCookie = 'sharewell_authorization'

/** Whether the client may introspect the tokens of all clients. */
export const introspectsAll = (client: RegisteredClient | undefined): boolean =>
  client?.policies.includes('introspection') ?? false

/** Whether pages of the origin belong to the client. `null` is the origin of an app's own scheme, and of every page in a sandbox. */
export const isOwnOrigin = (origin: string, redirectUris: readonly string[] = []): boolean =>
  origin !== 'null' && redirectUris.some(uri => URL.parse(uri)?.origin === origin)
