import type { FastifyReply, FastifyRequest } from 'fastify'
import { isSecret, newSecret } from '../storage/secret.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { typed } from './form.ts'
import { allowAnyFrame, allowFrame } from './frame.ts'
import { type Html, html } from './html.ts'
import { type Asked, browserOf, type Step } from './launch-step.ts'
import { sendPage } from './page.ts'
import { seldom } from './sign-in.ts'

/**
 * Within a frame nobody types a password, since nobody sees there whose page it is: what needs one goes on in a tab. False
 * where the step is the same as outside.
 */
export const sendStepInFrame = async (
  request: FastifyRequest<Asked>,
  reply: FastifyReply,
  options: PageOptions,
  step: Step,
): Promise<boolean> => {
  switch (step.kind) {
    case 'gone':
      allowAnyFrame(reply)
      return false
    case 'sign-in':
    case 'link': {
      const { arrivals, frameOrigins } = options.ehrLaunches
      const { config, issuer } = step.arrival
      allowFrame(reply, await frameOrigins({ config, issuer }))
      const handedOver = await arrivals.handOver(browserOf(request, options))
      sendPage(reply, { title: 'Sign in to go on', content: tab(request.params.arrival, issuer, handedOver) })
      return true
    }
    case 'no-patient':
      sendPage(reply, { title: 'No patient is open', content: noPatient })
      return true
    default:
      return false
  }
}

const tab = (arrival: string, issuer: string, handedOver: string): Html => html`<h1>Sign in to go on</h1>
<p>You come from ${new URL(issuer).host}. Your user there does not sign you in here yet, or your account asks for a code as well. Go on in a tab of its own, and sign in there.</p>
<form method="post" action="/launched/${arrival}/tab" target="_blank"><input type="hidden" name="handed-over" value="${handedOver}"><button class="btn btn-primary">Go on in a new tab</button></form>
<p class="text-body-secondary">The next time, open Sharewell from your EHR again.</p>`

const noPatient = html`<h1>No patient is open</h1>
<p>Your EHR has opened Sharewell for no patient. Open the record of a patient there, and Sharewell from it.</p>`

/** Where a tab goes on that was opened from such a frame. */
export const launchedTabAction: AddPage = (server, options) => {
  const { cookies, ehrLaunches } = options
  const settings = { config: { opensTab: true, rateLimit: seldom } }
  server.post<Asked>('/launched/:arrival/tab', settings, async (request, reply) => {
    const { arrival } = request.params
    const known = browserOf(request, options)
    const browser = isSecret(known) ? known : newSecret()
    if (await ehrLaunches.arrivals.takeOver(arrival, typed(request.body, 'handed-over'), browser))
      reply.setCookie(cookies.nameOf('launch'), browser, cookies.options)
    return reply.redirect(`/launched/${arrival}`, 303)
  })
}
