import type { FastifyInstance } from 'fastify'
import type { Accounts } from '../accounts/accounts.ts'
import type { Cookies } from '../http/session.ts'

export type PageOptions = {
  readonly accounts: Accounts
  readonly cookies: Cookies
}

/** A noun of this server for people: its page, and what its form does. */
export type AddPage = (server: FastifyInstance, options: PageOptions) => void
