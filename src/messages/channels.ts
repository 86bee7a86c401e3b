import type { Mail } from './mail.ts'
import type { Sms } from './sms.ts'

/** The ways by which patients are written to; a way that is not configured is absent. */
export type Channels = {
  readonly email?: Pick<Mail, 'deliver' | 'send'> | undefined
  readonly sms?: Sms | undefined
}
