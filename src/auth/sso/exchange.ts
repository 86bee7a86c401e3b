/** What a sign-in at the institution is begun with. */
export type SsoAsked = {
  /** A secret that the browser keeps in a cookie. */
  readonly browser: string
  /** Path of this server to go on to. */
  readonly continued: string | undefined
  /** Whether the provider is to ask anew who is there. */
  readonly isAskedAgain: boolean
}

/** `url` is the provider's, for the browser to go to. */
export type SsoSent = { readonly kind: 'sent'; readonly url: string }

/** `arrival` is a secret by which what has come is found, in the same browser. */
export type SsoArrived = { readonly kind: 'arrived'; readonly arrival: string }
