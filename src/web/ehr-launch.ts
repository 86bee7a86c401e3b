import type { FastifyReply, FastifyRequest } from 'fastify'
import { admitByEhr } from '../accounts/admit.ts'
import { deviceOf } from '../accounts/device.ts'
import { callbackPath } from '../auth/ehr/launches.ts'
import type { Refusal, Refused } from '../auth/ehr/refusal.ts'
import { queryOf } from '../http/presentation.ts'
import { cookieOf } from '../http/session.ts'
import { isSecret, newSecret } from '../storage/secret.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { framedAnywhere } from './content-security.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { answerAdmission, seldom } from './sign-in.ts'

/** Where EHRs send the browser, and where it comes back to. What has come is then `/launched`. */
export const ehrLaunchPage: AddPage = (server, options) => {
  const { ehrLaunches, accounts, cookies } = options
  server.get('/launch', { ...framedAnywhere, config: { rateLimit: seldom } }, async (request, reply) => {
    if (request.headers['sec-fetch-dest'] === 'iframe') return sendWayOut(request, reply)
    const query = queryOf(request)
    const known = browserOf(request, options)
    const browser = isSecret(known) ? known : newSecret()
    const begun = await ehrLaunches.begin({
      issuer: query.get('iss') ?? '',
      launch: query.get('launch') ?? '',
      browser,
    })
    if (begun.kind === 'refused') return sendRefusal(request, reply, begun)
    reply.setCookie(cookies.nameOf('launch'), browser, cookies.options)
    return reply.header('cache-control', 'no-store').redirect(begun.url, 303)
  })
  server.get(callbackPath, { config: { rateLimit: seldom } }, async (request, reply) => {
    const arrived = await ehrLaunches.finish(queryOf(request), browserOf(request, options))
    if (arrived.kind === 'refused') return sendRefusal(request, reply, arrived)
    const { arrival, person } = arrived
    reply.header('cache-control', 'no-store')
    if (person !== undefined && person !== request.session?.person) {
      const device = deviceOf(request.headers['user-agent'])
      const admission = await admitByEhr(accounts, { person, device })
      if (admission !== undefined) return answerAdmission(request, reply, options, admission, `/launched/${arrival}`)
    }
    return reply.redirect(`/launched/${arrival}`, 303)
  })
  server.get('/launch/jwks.json', async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(await ehrLaunches.publicKeys()),
  )
}

/** What the browser keeps of its launches; one cookie for all that are under way. */
export const browserOf = (request: FastifyRequest, { cookies }: PageOptions): string =>
  cookieOf(request, cookies, 'launch')

/** The log is told why, by the request's id; people, what they can do. */
const sendRefusal = (request: FastifyRequest, reply: FastifyReply, { refusal, issuer, reason }: Refused) => {
  request.log.warn({ event: 'ehr-launch-refused', refusal, issuer, reason }, 'A launch from an EHR was refused')
  const [status, title, text] = words[refusal]
  return sendPage(reply.code(status), {
    title,
    isProblem: true,
    content: html`<h1>${title}</h1>
<p>${text}</p>
<p class="hint">If you ask somebody for help, give them this number: ${request.id}</p>`,
  })
}

const words: Readonly<Record<Refusal, readonly [status: number, title: string, text: string]>> = {
  incomplete: [
    400,
    'Open Sharewell from your EHR',
    'This address is opened by an EHR, with iss and launch. Find Sharewell among its apps, and open it there.',
  ],
  'unknown-ehr': [
    400,
    'This EHR is not known here',
    'Sharewell is opened only by EHRs that were set up for it. Ask your administrator to add yours.',
  ],
  unreachable: [
    502,
    'Your EHR does not answer',
    'We could not ask your EHR how to go on. Open Sharewell from it again.',
  ],
  unfit: [502, 'Your EHR cannot open Sharewell', 'It does not offer what a safe launch needs. Ask your administrator.'],
  'another-browser': [
    400,
    'This launch is over',
    'It was used already, took longer than ten minutes, or was begun in another browser. Open Sharewell from your EHR again.',
  ],
  denied: [
    403,
    'Your EHR said no',
    'It did not allow the launch. Open Sharewell from it again, or ask your administrator.',
  ],
  untrusted: [
    502,
    'We could not make sure who you are',
    'What your EHR answered cannot be trusted, so nobody was signed in. Open Sharewell from it again, or ask your administrator.',
  ],
  'no-patient': [
    502,
    'We could not get the patient from your EHR',
    'Nothing was saved. Open Sharewell from your EHR again, or ask your administrator.',
  ],
}

/** In a frame of another site browsers keep no cookies of ours: the launch goes on in a tab of its own, where nothing lies over it. */
const sendWayOut = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const title = 'Open Sharewell'
  return sendPage(reply, {
    title,
    content: html`<h1>${title}</h1>
<p>Sharewell opens in a tab of its own.</p>
<p><a href="/launch?${queryOf(request).toString()}" target="_blank" rel="noopener">Open Sharewell in a new tab</a></p>`,
  })
}
