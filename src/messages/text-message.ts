/** Text for a phone. If it contains a link or a code, it is a secret. */
export type TextMessage = {
  /** In E.164: a plus sign and up to 15 digits. */
  readonly to: string
  readonly text: string
}

/** Hands a message to whoever sends it. Throws `Undelivered` if it was refused. */
export type Carry = (message: TextMessage) => Promise<void>
