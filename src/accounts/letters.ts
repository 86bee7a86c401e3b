import type { Words } from '../messages/catalogue.ts'
import type { Letter } from '../messages/mail.ts'

/** The letters to people, in their language. Each says why it was sent, and what to do if they did not ask for it. */
export const signUpLetter = ({ say }: Words, to: string, link: string): Letter => ({
  to,
  subject: say('letter.sign-up.subject'),
  text: say('letter.sign-up.text', { link }),
})

type Unconfirmed = {
  /** What somebody asked for with this address. */
  readonly wanted: 'account' | 'new-password' | 'new-email'
  readonly address: string
  /** The link by which the address is taken off the account. */
  readonly notMine: string
}

/** To an address that nobody has confirmed. No new password is sent there, since whoever reads it may not be the holder of the account. */
export const unconfirmedLetter = ({ say }: Words, to: string, { wanted, address, notMine }: Unconfirmed): Letter => ({
  to,
  subject: say('letter.unconfirmed.subject'),
  text: say('letter.unconfirmed.text', { wanted: say(`letter.unconfirmed.${wanted}`), address, notMine }),
})

export const takenOffLetter = ({ say }: Words, to: string, address: string): Letter => ({
  to,
  subject: say('letter.taken-off.subject'),
  text: say('letter.taken-off.text', { address }),
})

export const alreadyLetter = ({ say }: Words, to: string, address: string): Letter => ({
  to,
  subject: say('letter.already.subject'),
  text: say('letter.already.text', { address }),
})

export const newPasswordLetter = ({ say }: Words, to: string, link: string): Letter => ({
  to,
  subject: say('letter.new-password.subject'),
  text: say('letter.new-password.text', { link }),
})

type PasswordChanged = {
  readonly appsEnded: boolean
  /** Whether a sign-in elsewhere opens the account as well as the password. */
  readonly isLinked?: boolean
}

export const passwordChangedLetter = (
  { say }: Words,
  to: string,
  address: string,
  { appsEnded, isLinked = false }: PasswordChanged,
): Letter => {
  const apps = appsEnded ? ` ${say('letter.password-changed.apps')}` : ''
  const linked = isLinked ? ` ${say('letter.password-changed.linked')}` : ''
  return {
    to,
    subject: say('letter.password-changed.subject'),
    text: say('letter.password-changed.text', { address, more: `${apps}${linked}` }),
  }
}

export const newEmailLetter = ({ say }: Words, to: string, link: string): Letter => ({
  to,
  subject: say('letter.new-email.subject'),
  text: say('letter.new-email.text', { link }),
})

export const emailTakenLetter = ({ say }: Words, to: string): Letter => ({
  to,
  subject: say('letter.already.subject'),
  text: say('letter.email-taken.text'),
})

/** `isAsked`: nothing changes without a yes from this address. */
export const oldEmailLetter = (
  { say }: Words,
  to: string,
  { email, link, isAsked }: { readonly email: string; readonly link: string; readonly isAsked: boolean },
): Letter => ({
  to,
  subject: say('letter.old-email.subject'),
  text: say('letter.old-email.text', {
    email,
    link,
    next: say(isAsked ? 'letter.old-email.waits' : 'letter.old-email.stop'),
  }),
})

export const emailChangedLetter = ({ say }: Words, to: string, email: string): Letter => ({
  to,
  subject: say('letter.email-changed.subject'),
  text: say('letter.email-changed.text', { email }),
})

/** What happened to an account. */
export type AccountNews =
  | { readonly kind: 'set-up' | 'turned-off' | 'taken-away' | 'new-recovery-codes' | 'codes-tried' }
  | { readonly kind: 'recovery-code-used'; readonly left: number }
  | { readonly kind: 'linked' | 'unlinked'; readonly institution: string }
  /** `app`: its name, which whoever registered it has chosen. */
  | { readonly kind: 'app-allowed'; readonly app: string }

export const newsLetter = ({ say }: Words, to: string, { kind, ...values }: AccountNews, address: string): Letter => ({
  to,
  subject: say(`letter.${kind}.subject`),
  text: say('letter.news', { news: say(`letter.${kind}.text`, { ...values, address }), address }),
})

export const verificationLetter = (
  { say }: Words,
  to: string,
  links: { readonly link: string; readonly notMine: string },
): Letter => ({
  to,
  subject: say('letter.verification.subject'),
  text: say('letter.verification.text', links),
})
