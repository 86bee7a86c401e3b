/** A message that was not sent. The reason is for staff, and contains neither the address nor what another server said about it. */
export class Undelivered extends Error {
  /** Whether nobody knows if it was sent after all. It is not tried again automatically, since the person might get it twice. */
  readonly isUncertain: boolean

  constructor(reason: string, { isUncertain = false } = {}) {
    super(reason)
    this.name = 'Undelivered'
    this.isUncertain = isUncertain
  }
}

/** What staff are told of a message that was not sent because of an error, which may be a fault of ours. */
export const undeliveredBy = (error: unknown): Undelivered =>
  error instanceof Undelivered ? error : new Undelivered(ownFault)

export const ownFault = 'Something went wrong on this server'
