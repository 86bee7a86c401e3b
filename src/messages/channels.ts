import type { Mail } from './mail.ts'
import type { Sms } from './sms.ts'

/** The channels by which patients get messages; one that is not configured is absent. */
export type Channels = {
  readonly email?: Pick<Mail, 'deliver' | 'sendNow'> | undefined
  readonly sms?: Sms | undefined
}
