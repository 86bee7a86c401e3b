import type { Letter, Mail } from './mail.ts'

/** Letters that are not sent, for who tries this server out on their own machine; they are gone when it stops. */
export type Outbox = Pick<Mail, 'deliver' | 'send'> & { readonly letters: () => readonly OutboxLetter[] }

type OutboxLetter = Letter & { readonly at: Date }

export const openOutbox = (): Outbox => {
  let letters: readonly OutboxLetter[] = []
  const send = (letter: Letter): void => {
    letters = [{ ...letter, at: new Date() }, ...letters].slice(0, most)
  }
  return { send, deliver: async letter => send(letter), letters: () => letters }
}

const most = 100
