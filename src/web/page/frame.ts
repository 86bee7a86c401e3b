import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Cookies, Jar } from '../../http/caller/session.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { framedAnywhere, framedByEhr } from './content-security.ts'

/**
 * The pages that an EHR may show in a frame. There they have cookies of their own, and with them a session that no other page accepts. All other
 * pages are never shown in a frame.
 */
const framable: ReadonlySet<string | undefined> = new Set([
  '/launch',
  '/launch/:config',
  '/launch/:config/callback',
  '/launched/:arrival',
  '/launched/:arrival/patient',
  '/patients/:id',
])

/** Pages cannot change what the browser says about it. https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header */
export const isFramed = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean =>
  headers['sec-fetch-dest'] === 'iframe' || headers['sec-fetch-dest'] === 'frame'

/** Whether it is in a frame, and may be. */
export const isFramable = (request: FastifyRequest): boolean =>
  isFramed(request) && framable.has(request.routeOptions.url)

/** The cookies for where the page is shown; undefined if there are none. */
export const jarOf = (request: FastifyRequest, cookies: Cookies): Jar | undefined => {
  if (!isFramed(request)) return cookies
  return isFramable(request) ? cookies.framed : undefined
}

/** For pages for somebody whom an EHR has signed in: the EHR's own pages may show them in a frame. If there are no origins, nobody may. */
export const allowFrame = (reply: FastifyReply, origins: readonly string[]): void => {
  if (origins.length === 0) return
  reply.helmet(framedByEhr(origins))
  reply.raw.removeHeader('x-frame-options')
}

/** For pages that say nothing about anybody, and do nothing. */
export const allowAnyFrame = (reply: FastifyReply): void => {
  reply.helmet(framedAnywhere)
  reply.raw.removeHeader('x-frame-options')
}

/** The address that a browser should remember for the page, to ask for it again. Undefined outside of frames. */
export const addressAgain = (request: FastifyRequest): string | undefined => {
  if (!isFramable(request) || request.session === undefined) return undefined
  const query = queryOf(request)
  query.set(again, '')
  return `${pathAgain(request)}?${query}`
}

/** Whether the page is asked for by such an address. */
export const asksAgain = (request: FastifyRequest): boolean => queryOf(request).has(again)
const again = 'again'

/** The path of the page. If a form was sent and is shown again with problems, its own path is one level lower. */
export const pathAgain = ({ url }: FastifyRequest): string =>
  (url.split('?', 1)[0] ?? '').replace(/^(\/launched\/[^/]+)\/patient$/, '$1')
