/** A message that did not go out. The reason is for staff: it names neither the address nor what another server said of it. */
export class Undelivered extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'Undelivered'
  }
}
