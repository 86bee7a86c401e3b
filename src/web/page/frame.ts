import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Cookies, Jar } from '../../http/caller/session.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { framedAnywhere, framedByEhr } from './content-security.ts'

/**
 * The pages that an EHR may show in a frame of its own. Within a frame these have cookies of their own, and with them a session
 * that no other page takes; all other pages are shown in no frame.
 */
const framable: ReadonlySet<string | undefined> = new Set([
  '/launch',
  '/launch/:config',
  '/launch/:config/callback',
  '/launched/:arrival',
  '/launched/:arrival/patient',
  '/patients/:id',
])

/** What a browser says of it no page can change. https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header */
export const isFramed = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean =>
  headers['sec-fetch-dest'] === 'iframe' || headers['sec-fetch-dest'] === 'frame'

/** Whether it is shown in a frame, where it may be. */
export const isFramable = (request: FastifyRequest): boolean =>
  isFramed(request) && framable.has(request.routeOptions.url)

/** The cookies of where the page is shown; undefined where it has none there. */
export const jarOf = (request: FastifyRequest, cookies: Cookies): Jar | undefined => {
  if (!isFramed(request)) return cookies
  return isFramable(request) ? cookies.framed : undefined
}

/** Of what is shown to whoever an EHR has signed in: its own pages may have it in a frame. Of no origin, none may. */
export const allowFrame = (reply: FastifyReply, origins: readonly string[]): void => {
  if (origins.length === 0) return
  reply.helmet(framedByEhr(origins))
  reply.raw.removeHeader('x-frame-options')
}

/** Of what says nothing of anybody, and does nothing. */
export const allowAnyFrame = (reply: FastifyReply): void => {
  reply.helmet(framedAnywhere)
  reply.raw.removeHeader('x-frame-options')
}

/** What a browser is to remember of a page, in the place of its address: by it the page is asked for again. Undefined outside of frames. */
export const addressAgain = (request: FastifyRequest): string | undefined => {
  if (!isFramable(request) || request.session === undefined) return undefined
  const query = queryOf(request)
  query.set(again, '')
  return `${pathAgain(request)}?${query}`
}

/** Whether it is asked for by that. */
export const asksAgain = (request: FastifyRequest): boolean => queryOf(request).has(again)
const again = 'again'

/** Of the page; a form of it that is sent, and shown again with what is wrong, has one below. */
export const pathAgain = ({ url }: FastifyRequest): string =>
  (url.split('?', 1)[0] ?? '').replace(/(?<=^\/launched\/[^/]+)\/patient$/, '')
