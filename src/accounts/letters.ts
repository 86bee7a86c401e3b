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

export const passwordChangedLetter = (to: string, address: string): Letter => ({
  to,
  subject: 'Your Sharewell password was changed',
  text: `Hello,

the password of your Sharewell account was changed, and all other browsers were signed out.

If it was not you, choose a new one now:

${address}/forgotten-password
`,
})

export const verificationLetter = (to: string, link: string): Letter => ({
  to,
  subject: 'Confirm your e-mail address for Sharewell',
  text: `Hello,

open this link to confirm that this e-mail address is yours. Until then we cannot help you by e-mail if you forget your password.

${link}

It works once, within 24 hours. If you have no Sharewell account, do nothing.
`,
})
