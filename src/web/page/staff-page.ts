import type { FastifyReply } from 'fastify'
import { ownToken } from './form-token.ts'
import { type Page, sendPage } from './page.ts'

/** A page for staff, who are signed in; it is in English. Pages that patients see as well are sent by `sendTranslatedPage`. */
export const sendStaffPage = (reply: FastifyReply, page: Omit<Page, 'signOut' | 'words'>): FastifyReply =>
  sendPage(reply, { ...page, signOut: { token: ownToken(reply) } })
