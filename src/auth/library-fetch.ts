import type { CustomFetch } from 'openid-client'
import type { Outbound } from '../messages/outbound.ts'

/** Sends all requests of openid-client through the outbound client, with its limits. */
export const libraryFetch =
  ({ send }: Pick<Outbound, 'send'>): CustomFetch =>
  async (url, { method, headers, body }) => {
    if (method !== 'GET' && method !== 'POST') throw new Error(`${method} is not sent`)
    const answer = await send({ url, method, headers, ...(body ? { body: String(body) } : {}) })
    const type = answer.header('content-type')
    return new Response(answer.body, {
      status: answer.status,
      headers: type === undefined ? {} : { 'content-type': type },
    })
  }
