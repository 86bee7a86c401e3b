import type { Holder } from '../storage/subscription/binding-token.ts'
import type { Notice } from '../storage/subscription/notice.ts'

/** One end of a websocket. Whoever opens it reports what comes in, and when it is gone. */
export type Socket = {
  /** Returns once the network has accepted it, so that no more than one message is kept in memory for a client that does not read. */
  readonly send: (text: string) => Promise<void>
  readonly close: (reason: string, why?: Closing) => void
}

/** Whether it is refused, or may try again. */
export type Closing = 'refused' | 'later'

/** An open websocket, and what was bound on it. */
export type Connection = {
  readonly socket: Socket
  readonly bearer: string | undefined
  readonly bound: Map<string, Bound>
  readonly hear: (notice: Notice) => void
}

/** How a Subscription was bound, and the rights of the token with which it had been written then. */
export type Bound = { readonly rights: string; readonly whose: string } & (
  | { readonly how: 'by-id' }
  | { readonly how: 'by-token'; readonly holder: Holder }
)
