import { askForNewPassword } from '../../accounts/password/new-password.ts'
import type { AddPage } from '../page/add-page.ts'
import { letterForm } from './letter-form.ts'

/** Where somebody asks for a link to choose a new password. */
export const forgottenPasswordPage: AddPage = (server, { accounts }) =>
  letterForm(server, '/forgotten-password', {
    isOpen: accounts.mail !== undefined,
    title: 'forgotten.title',
    text: 'forgotten.text',
    back: 'forgotten.back',
    closed: { title: 'forgotten.title', text: async () => 'forgotten.ask-others' },
    ask: (email, words) => askForNewPassword(accounts, email, words),
  })
