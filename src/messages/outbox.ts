import type { Letter, Mail } from './mail.ts'
import type { Sms } from './sms.ts'
import type { TextMessage } from './text-message.ts'

/** Keeps messages instead of sending them, for people who try out this server on their own machine. They are gone when it stops. */
export type Outbox = {
  readonly email: Pick<Mail, 'deliver' | 'sendNow'>
  readonly sms: Sms
  /** The newest first. */
  readonly messages: () => readonly OutboxMessage[]
}

type OutboxMessage =
  | (Letter & { readonly channel: 'email'; readonly at: Date })
  | (TextMessage & { readonly channel: 'sms'; readonly at: Date })

export const openOutbox = (): Outbox => {
  let messages: readonly OutboxMessage[] = []
  const keep = (message: OutboxMessage): void => {
    messages = [message, ...messages].slice(0, most)
  }
  const email = (letter: Letter) => keep({ ...letter, channel: 'email', at: new Date() })
  const sms = (message: TextMessage) => keep({ ...message, channel: 'sms', at: new Date() })
  return {
    email: sender(email),
    sms: sender(sms),
    messages: () => messages,
  }
}

const sender = <Message>(take: (message: Message) => void) => ({
  sendNow: async (message: Message) => {
    take(message)
    return true
  },
  deliver: async (message: Message) => take(message),
})

const most = 100
