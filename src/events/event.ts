/** Everything worth reporting, in one union, for the log and other listeners. Never health data or tokens. */
export type Event =
  | { readonly kind: 'database-created'; readonly folder: string }
  | { readonly kind: 'database-adopted'; readonly pid: number }
  | { readonly kind: 'database-lost' }
  | { readonly kind: 'migration-applied'; readonly file: string; readonly durationMs: number }
  | { readonly kind: 'database-migrated' }
  | { readonly kind: 'key-created'; readonly file: string }
  /** The only secret that is logged: there is nobody yet to whom the link could be sent. */
  | { readonly kind: 'administrator-wanted'; readonly link: string }
  /** How long what was ended may go on, or what begins be waited for. */
  | { readonly kind: 'clocks-differ'; readonly seconds: number; readonly side: 'ahead of' | 'behind' }
  /** Documents were read otherwise when they were uploaded than they would be now. */
  | { readonly kind: 'derived-by-older-map' }
  | { readonly kind: 'server-ready'; readonly address: string }
  | { readonly kind: 'server-stopping'; readonly reason: string }
  | { readonly kind: 'work-cut-off' }
  | { readonly kind: 'server-stop-failed'; readonly reason: string }
  | { readonly kind: 'server-stopped' }
  /** The end of the audit's chain. If it is kept elsewhere, it shows later whether something was cut off. */
  | { readonly kind: 'audit-sealed'; readonly seal: string; readonly head: string }

export type Tell = (event: Event) => void
