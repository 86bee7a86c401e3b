import type { FastifyReply, FastifyRequest } from 'fastify'
import { allowAnyFrame, isFramed } from '../page/frame.ts'
import { html } from '../page/html.ts'
import { sendPage } from '../page/page.ts'
import { wordsOf } from '../page/translated-page.ts'

/** A hook: nobody decides about an app's request in a frame, where something may cover it. They are told what to do instead. */
export const refuseFrames = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
  if (!isFramed(request)) return undefined
  const words = wordsOf(request)
  const { say } = words
  allowAnyFrame(reply)
  return sendPage(reply.code(403).header('vary', 'accept-language'), {
    words,
    title: say('allow.framed'),
    isProblem: true,
    content: html`<h1>${say('allow.framed')}</h1>
<p>${say('allow.framed-text')}</p>
<p>${say('allow.framed-next')}</p>`,
  })
}
