import type { Accounts } from '../../accounts/accounts.ts'
import { isAdministratorWanted } from '../../accounts/sign-up/new-account.ts'
import { askForAccount } from '../../accounts/sign-up/sign-up.ts'
import type { Key } from '../../messages/catalogue.ts'
import type { AddPage } from '../page/add-page.ts'
import { letterForm } from './letter-form.ts'

/** Where somebody asks for an account: they are sent a link, whether or not they have one already. */
export const signUpPage: AddPage = (server, { accounts }) =>
  letterForm(server, '/sign-up', {
    isOpen: accounts.signUp === 'open',
    title: 'sign-up.title',
    text: 'sign-up.text',
    back: 'sign-up.have-one',
    closed: { title: 'sign-up.invitation-only', text: () => closedText(accounts) },
    ask: (email, words) => askForAccount(accounts, email, words),
  })

/** Whoever has just started the server comes here before anybody could invite them. */
const closedText = async (accounts: Accounts): Promise<Key> =>
  (await isAdministratorWanted(accounts)) ? 'sign-up.administrator-wanted' : 'sign-up.invitation-text'
