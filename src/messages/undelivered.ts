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
