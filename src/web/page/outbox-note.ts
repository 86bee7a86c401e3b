import type { FastifyRequest } from 'fastify'
import { isThisMachine } from '../../config.ts'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { type Html, html } from './html.ts'
import { phrase } from './time.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether messages are shown to this browser instead of being sent. Absent for what is not a page. */
    hasOutbox?: boolean
  }
}

/** Whether a browser is on this machine, and asked for this machine: another site's name may lead here, and a proxy may bring other people. */
export const isOnThisMachine = ({ headers, hostname, socket }: FastifyRequest): boolean => {
  const isHere = isThisMachine(hostname) && isThisMachine((socket.remoteAddress ?? '').replace(/^::ffff:/, ''))
  return isHere && !Object.keys(headers).some(name => /^(forwarded|via|x-forwarded-.*|x-real-ip)$/.test(name))
}

/** Whoever tries out a server waits for letters that it does not send, so each page says where they are. */
export const outboxNote = ({ hasOutbox, routeOptions }: FastifyRequest, words: Words = wordsFor('en')): Html | false =>
  hasOutbox === true &&
  routeOptions.url !== '/outbox' &&
  html`<footer class="no-print container-xl py-3"><p class="border-top pt-3 text-body-secondary">${phrase(words, 'outbox.note', { outbox: html`<a href="/outbox">${words.say('outbox.name')}</a>` })}</p></footer>`
