/** A message that did not go out. The reason is for staff: it names neither the address nor what another server said of it. */
export class Undelivered extends Error {
  /** Nobody knows whether it went out all the same. It is not tried again by itself: who has it would have it twice. */
  readonly isUncertain: boolean

  constructor(reason: string, { isUncertain = false } = {}) {
    super(reason)
    this.name = 'Undelivered'
    this.isUncertain = isUncertain
  }
}
