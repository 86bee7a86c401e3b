import type { Session } from '../../storage/account/session.ts'
import type { RegisteredClient } from '../../storage/authorization/client-registration.ts'

/** Who decides, from their session on our pages; `online_access` ends with it. */
export type SignedIn = Pick<Session, 'id' | 'person' | 'signedInAt' | 'authenticatedAt' | 'methods'>

export type UserInteraction =
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'sign-in'
      readonly id: string
      readonly client: AskingClient
      /** Whether an existing sign-in is not enough, be it here or at an institution. */
      readonly isAnew: boolean
    }
  /** They have already allowed it, such as by sending the form twice; `location` is where to go on. */
  | { readonly kind: 'allowed'; readonly location: string }
  | { readonly kind: 'other-person'; readonly id: string; readonly client: AskingClient }
  | {
      readonly kind: 'decide'
      readonly id: string
      readonly client: AskingClient
      /** In the app's order, each as it was asked for, without those that this person cannot give. */
      readonly scopes: readonly string[]
      /** none: the scopes need no patient; given: by the launch, or because it is the person; choose: one of the choices. */
      readonly patients: 'none' | 'choose' | { readonly given: string }
      /** Narrows what is granted to one ResearchStudy, by id. */
      readonly study?: string
      /** When it ends by itself, if the request says so. */
      readonly until?: Date
    }

/** What a person should be shown about the app that asks. */
export type AskingClient = {
  readonly id: string
  readonly name: string
  /** Name of the Organization that it belongs to. */
  readonly organization?: string
  /** Nobody has reviewed it; its name is what it calls itself. */
  readonly selfRegistered: boolean
  /** Where the answer goes, as a browser understands it: a host can be spelled so that it looks like another. */
  readonly redirectUri: string
  /** Pages of its own, by https. */
  readonly pages: AppPages
}

export type AppPages = { readonly [what in 'home' | 'policy' | 'terms']?: string }

export type Decision = {
  readonly scopes: readonly string[]
  /** Id of the Patient that was chosen. */
  readonly patient?: string | undefined
  /** Id of a ResearchStudy to which the person narrows it. */
  readonly study?: string | undefined
}

type Asking = { readonly redirectUri: string; readonly organization: string | undefined }

export const toAskingClient = (
  { id, name, selfRegistered, metadata }: RegisteredClient,
  { redirectUri, organization }: Asking,
): AskingClient => ({
  id,
  name,
  selfRegistered,
  redirectUri: URL.parse(redirectUri)?.href ?? redirectUri,
  ...(organization === undefined ? {} : { organization }),
  pages: pagesOf(metadata),
})

const pagesOf = ({ client_uri: home, policy_uri: policy, tos_uri: terms }: RegisteredClient['metadata']): AppPages =>
  Object.fromEntries(Object.entries({ home, policy, terms }).filter(([, uri]) => isHttps(uri)))

const isHttps = (uri: string | undefined): boolean => uri !== undefined && URL.parse(uri)?.protocol === 'https:'
