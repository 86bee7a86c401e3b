import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import type { PageOptions } from './add-page.ts'
import { notFound } from './not-found.ts'
import { sessionOf } from './signed-in.ts'

/** The person who is signed in, with the rights of their session. Throws `not-found` for anybody who is no staff, as if there were no page. */
export const staffCallerOf = async (request: FastifyRequest, { accounts }: PageOptions): Promise<Caller> => {
  const caller = await callerOfSession(accounts.database, sessionOf(request))
  return caller?.practitioner === undefined ? notFound() : caller
}
