/** Everything worth telling, in one union: the log listens, and whoever else comes. Never health data or tokens. */
export type Event =
  | { readonly kind: 'database-created'; readonly folder: string }
  | { readonly kind: 'database-adopted'; readonly pid: number }
  | { readonly kind: 'database-lost' }
  | { readonly kind: 'migration-applied'; readonly file: string; readonly durationMs: number }
  | { readonly kind: 'database-migrated' }
  | { readonly kind: 'key-created'; readonly file: string }
  /** The link is a secret, and the one that the log is told: there is nobody yet to whom it could be sent. */
  | { readonly kind: 'administrator-wanted'; readonly link: string }
  | { readonly kind: 'server-ready'; readonly address: string }
  | { readonly kind: 'server-stopping'; readonly reason: string }
  | { readonly kind: 'work-cut-off' }
  | { readonly kind: 'server-stop-failed'; readonly reason: string }
  | { readonly kind: 'server-stopped' }
  /** The end of the audit's chain: kept elsewhere, it tells later whether something was cut off. */
  | { readonly kind: 'audit-sealed'; readonly seal: string; readonly head: string }

export type Tell = (event: Event) => void
