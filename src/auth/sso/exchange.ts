/** What a sign-in at the institution starts with. */
export type SsoAsked = {
  /** A secret that the browser keeps in a cookie. */
  readonly browser: string
  /** The path of this server to which to go on. */
  readonly continued: string | undefined
  /** Whether the provider must ask again who is there. */
  readonly isAskedAgain: boolean
}

/** `url` is at the provider, and to be opened in the browser. */
export type SsoSent = { readonly kind: 'sent'; readonly url: string }

/** `arrival` is a secret, by which the same browser finds who came. */
export type SsoArrived = { readonly kind: 'arrived'; readonly arrival: string }
