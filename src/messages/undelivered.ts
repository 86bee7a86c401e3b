/** A message that was not sent. The reason is for staff, and contains neither the address nor what another server said about it. */
export class Undelivered extends Error {
  /** Whether nobody knows if it was sent after all. It is not tried again automatically, since the person might get it twice. */
  readonly isUncertain: boolean
  /** Whether the server that is to take it has taken nothing of it, and may take it later. */
  readonly isAway: boolean
  /** Whether it is no use to try again, since the address takes no such messages. */
  readonly isFinal: boolean

  constructor(reason: string, { isUncertain = false, isAway = false, isFinal = false } = {}) {
    super(reason)
    this.name = 'Undelivered'
    this.isUncertain = isUncertain
    this.isAway = isAway
    this.isFinal = isFinal
  }
}

/** Too many requests, or out of service: https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4, https://www.rfc-editor.org/rfc/rfc6585#section-4 */
export const isNotNow = (status: number): boolean => status === 429 || status === 503

export const isAway = (error: unknown): boolean => error instanceof Undelivered && error.isAway

/** What staff are told of a message that was not sent because of an error, which may be a fault of ours. */
export const undeliveredBy = (error: unknown): Undelivered =>
  error instanceof Undelivered ? error : new Undelivered(ownFault)

export const ownFault = 'Something went wrong on this server'

/** Whether it may have been because of the address, judging by the reason: all others than a refusal have nothing to do with it. */
export const mayBeOfAddress = (reason: string): boolean => /\brefused\b/.test(reason)
