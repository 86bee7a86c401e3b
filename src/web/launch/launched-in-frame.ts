import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Words } from '../../messages/catalogue.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { allowAnyFrame, allowFrame } from '../page/frame.ts'
import { type Html, html } from '../page/html.ts'
import { sendPage } from '../page/page.ts'
import { seldom } from '../page/page-limits.ts'
import { wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { browserOf, keepBrowser, type OfArrival, ownBrowser, type Step } from './launch-step.ts'

/**
 * In a frame, nobody should type a password, since they cannot see whose page it is; a step that needs one goes on in a tab. False if the step
 * is the same as outside of frames.
 */
export const sendStepInFrame = async (
  request: FastifyRequest<OfArrival>,
  reply: FastifyReply,
  options: PageOptions,
  step: Step,
): Promise<boolean> => {
  const words = wordsOf(request)
  const { say } = words
  switch (step.kind) {
    case 'gone':
      allowAnyFrame(reply)
      return false
    case 'sign-in':
    case 'link': {
      const { arrivals, frameOrigins } = options.ehrLaunches
      const { config, issuer } = step.arrival
      allowFrame(reply, await frameOrigins({ config, issuer }))
      const handedOver = await arrivals.handOver(browserOf(request, options, request.params.arrival))
      const content = tab(words, request.params.arrival, issuer, handedOver)
      sendPage(reply.header('vary', 'accept-language'), { words, title: say('launched.first.title'), content })
      return true
    }
    case 'no-patient':
      sendPage(reply.header('vary', 'accept-language'), {
        words,
        title: say('launched.no-patient.title'),
        content: html`<h1>${say('launched.no-patient.title')}</h1>
<p>${say('launched.no-patient.text')}</p>`,
      })
      return true
    default:
      return false
  }
}

const tab = (
  { say }: Words,
  arrival: string,
  issuer: string,
  handedOver: string,
): Html => html`<h1>${say('launched.first.title')}</h1>
<p>${say('launched.frame.text', { ehr: new URL(issuer).host })}</p>
<form method="post" action="/launched/${arrival}/tab" target="_blank"><input type="hidden" name="handed-over" value="${handedOver}"><button class="btn btn-primary">${say('launched.frame.button')}</button></form>
<p class="text-body-secondary">${say('launched.frame.next')}</p>`

/** Where a tab continues that was opened from such a frame. */
export const launchedTabAction: AddPage = (server, options) => {
  const { cookies, ehrLaunches } = options
  const settings = { config: { opensTab: true, rateLimit: seldom } }
  server.post<OfArrival>('/launched/:arrival/tab', settings, async (request, reply) => {
    const { arrival } = request.params
    const browser = ownBrowser(request, options, arrival)
    if (await ehrLaunches.arrivals.takeOver(arrival, typed(request.body, 'handed-over'), browser))
      keepBrowser(reply, cookies, arrival, browser)
    return reply.redirect(`/launched/${arrival}`, 303)
  })
}
