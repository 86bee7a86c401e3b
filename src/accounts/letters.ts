import type { Letter } from '../messages/mail.ts'

/** What people are written. Each says why it came and what to do if they did not ask for it. */
export const signUpLetter = (to: string, link: string): Letter => ({
  to,
  subject: 'Create your Sharewell account',
  text: `Hello,

somebody, we think you, wants to create a Sharewell account with this e-mail address. Open this link to go on:

${link}

It works once, within 24 hours. If it was not you, do nothing: no account is created.
`,
})

export const alreadyLetter = (to: string, address: string): Letter => ({
  to,
  subject: 'You have a Sharewell account already',
  text: `Hello,

somebody, we think you, wants to create a Sharewell account with this e-mail address. There is one already. Sign in here:

${address}/sign-in

If you do not know your password any more, choose a new one here:

${address}/forgotten-password

If it was not you, do nothing: your account is as it was.
`,
})

export const newPasswordLetter = (to: string, link: string): Letter => ({
  to,
  subject: 'Choose a new Sharewell password',
  text: `Hello,

somebody, we think you, wants a new password for the Sharewell account with this e-mail address. Open this link to choose one:

${link}

It works once, within 30 minutes. If it was not you, do nothing: your password is as it was.
`,
})

type PasswordChanged = {
  readonly appsEnded: boolean
  /** Whether somebody else's sign-in opens the account besides the password. */
  readonly isLinked?: boolean
}

export const passwordChangedLetter = (
  to: string,
  address: string,
  { appsEnded, isLinked = false }: PasswordChanged,
): Letter => ({
  to,
  subject: 'Your Sharewell password was changed',
  text: `Hello,

the password of your Sharewell account was changed, and all other browsers were signed out.${appsEnded ? ' Apps that you had allowed something have to ask you again.' : ''}${isLinked ? ' An EHR or an institution still signs you in as well: under "Your account" you see which, and can unlink what you do not know.' : ''}

If it was not you, choose a new one now:

${address}/forgotten-password
`,
})

export const newEmailLetter = (to: string, link: string): Letter => ({
  to,
  subject: 'Confirm your new e-mail address for Sharewell',
  text: `Hello,

somebody, we think you, wants to sign in to their Sharewell account with this e-mail address from now on. Open this link to confirm it:

${link}

It works once, within 30 minutes, for whoever is signed in to that account. If it was not you, do nothing.
`,
})

export const emailTakenLetter = (to: string): Letter => ({
  to,
  subject: 'You have a Sharewell account already',
  text: `Hello,

somebody, perhaps you, wants to sign in to another Sharewell account with this e-mail address. There is an account with this address already, and both are as they were. If it was not you, do nothing.
`,
})

/** `isAsked`: without a yes from here nothing changes. */
export const oldEmailLetter = (
  to: string,
  { email, link, isAsked }: { readonly email: string; readonly link: string; readonly isAsked: boolean },
): Letter => ({
  to,
  subject: 'Do you want another e-mail address for Sharewell?',
  text: `Hello,

somebody, we think you, wants to sign in to your Sharewell account with ${email} from now on, and no more with this address. ${isAsked ? 'That waits for you: open this link to allow it, or to stop it:' : 'If it was not you, open this link and stop it:'}

${link}

It works within 30 minutes.
`,
})

export const emailChangedLetter = (to: string, email: string): Letter => ({
  to,
  subject: 'The e-mail address of your Sharewell account was changed',
  text: `Hello,

from now on your Sharewell account is signed in to with ${email}, and no more with this address. If it was not you who wanted that, tell the people who run this site at once.
`,
})

/** What has happened to an account. */
export type AccountNews =
  | { readonly kind: 'set-up' | 'turned-off' | 'new-recovery-codes' | 'codes-tried' }
  | { readonly kind: 'recovery-code-used'; readonly left: number }
  | { readonly kind: 'linked' | 'unlinked'; readonly institution: string }

export const newsLetter = (to: string, news: AccountNews, address: string): Letter => {
  const [subject, text] = words(news)
  return {
    to,
    subject,
    text: `Hello,

${text}

If it was not you, choose a new password now, and tell the people who run this site:

${address}/forgotten-password
`,
  }
}

const words = (news: AccountNews): readonly [subject: string, text: string] => {
  switch (news.kind) {
    case 'set-up':
      return [
        'A second factor protects your Sharewell account',
        'an authenticator app was set up for your Sharewell account. Whoever signs in needs a code of it, besides the password. All other browsers were signed out.',
      ]
    case 'turned-off':
      return [
        'The second factor of your Sharewell account was turned off',
        'the second factor of your Sharewell account was turned off. Whoever signs in needs the password alone.',
      ]
    case 'new-recovery-codes':
      return [
        'You have new recovery codes for Sharewell',
        'new recovery codes were made for your Sharewell account. The old ones no longer work.',
      ]
    case 'recovery-code-used':
      return [
        'A recovery code of your Sharewell account was used',
        `one of the recovery codes of your Sharewell account was used. Unused ones: ${news.left}.`,
      ]
    case 'linked':
      return [
        'Your Sharewell account was linked',
        `your Sharewell account was linked to your account at ${news.institution}: from now on that one signs you in, too. Under "Your account" you can unlink it.`,
      ]
    case 'unlinked':
      return [
        'Your Sharewell account was unlinked',
        `your Sharewell account is no longer linked to your account at ${news.institution}. Whoever signs in needs the password.`,
      ]
    case 'codes-tried':
      return [
        'Wrong codes were entered for your Sharewell account',
        'somebody, perhaps you, has entered wrong codes for your Sharewell account too often. Codes are asked only of whoever knows the password, or comes from your EHR or your institution.',
      ]
  }
}

export const verificationLetter = (to: string, link: string): Letter => ({
  to,
  subject: 'Confirm your e-mail address for Sharewell',
  text: `Hello,

open this link to confirm that this e-mail address is yours. Until then we cannot help you by e-mail if you forget your password.

${link}

It works once, within 24 hours. If you have no Sharewell account, do nothing.
`,
})
