import { askForAccount } from '../../accounts/sign-up/sign-up.ts'
import type { AddPage } from '../page/add-page.ts'
import { letterForm } from './letter-form.ts'

/** Where somebody asks for an account: they are sent a link, whether or not they have one already. */
export const signUpPage: AddPage = (server, { accounts }) =>
  letterForm(server, '/sign-up', {
    isOpen: accounts.signUp === 'open',
    title: 'sign-up.title',
    text: 'sign-up.text',
    back: 'sign-up.have-one',
    closed: { title: 'sign-up.invitation-only', text: 'sign-up.invitation-text' },
    ask: (email, words) => askForAccount(accounts, email, words),
  })
