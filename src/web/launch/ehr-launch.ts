import type { FastifyReply, FastifyRequest } from 'fastify'
import { admitByEhr, admitToFrame } from '../../accounts/sign-in/admit.ts'
import { deviceOf } from '../../accounts/sign-in/device.ts'
import { type Arrived, callbackPathOf } from '../../auth/ehr/launches.ts'
import type { Refusal, Refused } from '../../auth/ehr/refusal.ts'
import { clearSessionCookie, cookieOf, setSessionCookie } from '../../http/caller/session.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { endSession } from '../../storage/account/session.ts'
import { newSecret } from '../../storage/secret/secret.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { allowAnyFrame, isFramed, jarOf } from '../page/frame.ts'
import { leadFrame } from '../page/frame-history.ts'
import { html } from '../page/html.ts'
import { sendPage } from '../page/page.ts'
import { wordsOf } from '../page/translated-page.ts'
import { answerAdmission } from '../sign-in/entering.ts'
import { browserOf, keepBrowser, ownBrowser } from './launch-step.ts'

/** Where EHRs send the browser, and where it comes back to. From there it goes on to `/launched`. */
export const ehrLaunchPage: AddPage = (server, options) => {
  const { ehrLaunches, accounts } = options
  for (const path of ['/launch', '/launch/:config'])
    server.get<OfConfig>(path, async (request, reply) => {
      const refusal = isFramed(request) ? await sendFromFrame(request, reply, options) : undefined
      return refusal ?? sendToEhr(request, reply, options)
    })
  server.get<OfConfig>(callbackPathOf(':config'), async (request, reply) => {
    const { config = '' } = request.params
    const query = queryOf(request)
    const browser = browserOf(request, options, query.get('state') ?? '')
    const arrived = await ehrLaunches.finish(config, query, browser)
    if (arrived.kind === 'refused') return sendRefusal(request, reply, arrived)
    const { arrival, identity, person } = arrived
    reply.header('cache-control', 'no-store')
    if (isFramed(request)) await enterFrame(request, reply, options, arrived)
    else if (person !== undefined && person !== request.session?.person) {
      const device = deviceOf(request.headers['user-agent'])
      const admission = await admitByEhr(accounts, { person, device, identity })
      if (admission !== undefined) return answerAdmission(request, reply, options, admission, `/launched/${arrival}`)
    }
    return reply.redirect(`/launched/${arrival}`, 303)
  })
  server.get('/launch/jwks.json', async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').send(await ehrLaunches.publicKeys()),
  )
}

type OfConfig = { readonly Params: { readonly config?: string } }
type LaunchRequest = FastifyRequest<OfConfig>

const pathOf = ({ params: { config } }: LaunchRequest): string =>
  config === undefined ? '/launch' : `/launch/${encodeURIComponent(config)}`

const launchedBy = (request: LaunchRequest) => ({
  config: request.params.config,
  issuer: queryOf(request).get('iss') ?? '',
})

const sendToEhr = async (request: LaunchRequest, reply: FastifyReply, options: PageOptions): Promise<FastifyReply> => {
  leadFrame(request, reply, options.cookies)
  const state = newSecret()
  const browser = ownBrowser(request, options, state)
  const launch = queryOf(request).get('launch') ?? ''
  const begun = await options.ehrLaunches.begin({ ...launchedBy(request), launch, state, browser })
  if (begun.kind === 'refused') return sendRefusal(request, reply, begun)
  const jar = jarOf(request, options.cookies)
  if (jar !== undefined) keepBrowser(reply, jar, state, browser)
  return reply.header('cache-control', 'no-store').redirect(begun.url, 303)
}

/**
 * For a launch in a frame: undefined if it can go on there. Some browsers keep no cookies in frames of other sites, not even partitioned ones;
 * whether this one does is seen when it comes again.
 */
const sendFromFrame = async (
  request: LaunchRequest,
  reply: FastifyReply,
  options: PageOptions,
): Promise<FastifyReply | undefined> => {
  const query = queryOf(request)
  const { framed } = options.cookies
  const isAllowed = (await options.ehrLaunches.frameOrigins(launchedBy(request))).length > 0
  if (framed === undefined || !isAllowed) return sendWayOut(request, reply)
  if (cookieOf(request, framed, kept) !== '') return undefined
  if (query.has(tried)) return sendWayOut(request, reply)
  reply.setCookie(framed.nameOf(kept), 'yes', framed.options)
  return reply.header('cache-control', 'no-store').redirect(`${pathOf(request)}?${query}&${tried}=`, 303)
}
const tried = 'tried'
const kept = 'kept'

/** In a frame, only the person whom the EHR has just signed in is signed in: several people may share the screen. */
const enterFrame = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { accounts, cookies }: PageOptions,
  { person, config, arrival, identity }: Arrived,
): Promise<void> => {
  const { session } = request
  const jar = jarOf(request, cookies)
  leadFrame(request, reply, cookies, `/launched/${arrival}`)
  if (jar === undefined || (session !== undefined && session.person === person && session.frame?.config === config))
    return
  if (session !== undefined) await endSession(accounts.database, session.person, session.id)
  const device = deviceOf(request.headers['user-agent'])
  const entered = person && (await admitToFrame(accounts, { person, device, frame: config, identity }))
  if (entered) setSessionCookie(reply, jar, entered.cookie)
  else clearSessionCookie(reply, jar)
}

/** The reason goes to the log, with the request's id; people are told what they can do. */
const sendRefusal = (request: FastifyRequest, reply: FastifyReply, { refusal, issuer, reason }: Refused) => {
  if (isFramed(request)) allowAnyFrame(reply)
  request.log.warn({ event: 'ehr-launch-refused', refusal, issuer, reason }, 'A launch from an EHR was refused')
  const words = wordsOf(request)
  const { say } = words
  const title = say(`launch.${refusal}.title`)
  return sendPage(reply.code(statusOf[refusal]).header('vary', 'accept-language'), {
    words,
    title,
    isProblem: true,
    content: html`<h1>${title}</h1>
<p>${say(`launch.${refusal}.text`)}</p>
<p class="text-body-secondary">${say('sso.number', { number: request.id })}</p>`,
  })
}

const statusOf: Readonly<Record<Refusal, number>> = {
  incomplete: 400,
  'unknown-ehr': 400,
  unreachable: 502,
  unfit: 502,
  'another-browser': 400,
  denied: 403,
  untrusted: 502,
  'no-patient': 502,
}

/** For when the EHR may not, or cannot, show ours in a frame: the launch goes on in a tab of its own, where nothing can cover it. */
const sendWayOut = (request: LaunchRequest, reply: FastifyReply): FastifyReply => {
  const words = wordsOf(request)
  const { say } = words
  const title = say('launch.out.title')
  const query = queryOf(request)
  allowAnyFrame(reply)
  query.delete(tried)
  return sendPage(reply.header('vary', 'accept-language'), {
    words,
    title,
    content: html`<h1>${title}</h1>
<p>${say('launch.out.text')}</p>
<p><a href="${pathOf(request)}?${query.toString()}" target="_blank" rel="noopener">${say('launch.out.link')}</a></p>`,
  })
}
