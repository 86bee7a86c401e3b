import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Arrival } from '../../auth/ehr/arrivals.ts'
import { cookieOf, type Jar } from '../../http/caller/session.ts'
import type { Workplace } from '../../storage/ehr/staff.ts'
import { isSecret, newSecret } from '../../storage/secret/secret.ts'
import type { PageOptions } from '../page/add-page.ts'
import { jarOf } from '../page/frame.ts'
import { leadFrame, leadsTo } from '../page/frame-history.ts'

export type OfArrival = { readonly Params: { readonly arrival: string } }

type Here = { readonly arrival: Arrival }
type Known = Here & { readonly person: string; readonly places: readonly Workplace[] }
export type Link = Known & { readonly kind: 'link' }
export type Register = Known & { readonly kind: 'register'; readonly patient: NonNullable<Arrival['patient']> }

/** Where the launch ends. */
export const toPatient = (
  request: FastifyRequest<OfArrival>,
  reply: FastifyReply,
  { cookies }: PageOptions,
  id: string,
): FastifyReply => {
  const to = `/patients/${id}`
  // Another launch may have begun meanwhile, in a second tab.
  if (leadsTo(request, cookies, `/launched/${request.params.arrival}`)) leadFrame(request, reply, cookies, to)
  return reply.redirect(to, 303)
}

/** What comes next. It is asked anew at each request, since it depends on what is so then. */
export type Step =
  | { readonly kind: 'gone' }
  | (Here & { readonly kind: 'sign-in' | 'not-staff' | 'another' | 'held' })
  | Link
  | Register
  | { readonly kind: 'at-patient'; readonly id: string }
  | { readonly kind: 'no-patient' }

export const stepOf = async (request: FastifyRequest<OfArrival>, options: PageOptions): Promise<Step> => {
  const { arrivals } = options.ehrLaunches
  const arrival = await arrivals.find(request.params.arrival, browserOf(request, options, request.params.arrival))
  if (arrival === undefined) return { kind: 'gone' }
  const { config, issuer, subject, patient } = arrival
  const person = request.session?.person
  if (person === undefined) return { kind: 'sign-in', arrival }
  const linked = await arrivals.personOf(issuer, subject)
  if (linked !== undefined && linked !== person) return { kind: 'another', arrival }
  const places = await arrivals.workplaces(person, config)
  if (places.length === 0) return { kind: 'not-staff', arrival }
  if (linked === undefined && (await arrivals.isHeld(issuer, subject))) return { kind: 'held', arrival }
  if (linked === undefined) return { kind: 'link', arrival, person, places }
  if (patient === undefined) return { kind: 'no-patient' }
  const organizations = places.map(({ organization }) => organization)
  const id = await arrivals.findPatient(person, patient, organizations)
  return id === undefined ? { kind: 'register', arrival, person, places, patient } : { kind: 'at-patient', id }
}

/**
 * The browser's secret for a launch, by the launch's state or arrival. If several launches begin at the same moment, each answer sets a cookie,
 * and with a single cookie the last would win. So there are sixty-four, one for each first character of a state and its arrival.
 */
export const browserOf = (request: FastifyRequest, { cookies }: PageOptions, launch: string): string => {
  const jar = jarOf(request, cookies)
  return jar === undefined ? '' : cookieOf(request, jar, cookieName(launch))
}

/** The same, or a new one if it has none. */
export const ownBrowser = (request: FastifyRequest, options: PageOptions, launch: string): string => {
  const known = browserOf(request, options, launch)
  return isSecret(known) ? known : newSecret()
}

export const keepBrowser = (reply: FastifyReply, jar: Jar<'lax' | 'none'>, launch: string, browser: string): void => {
  reply.setCookie(jar.nameOf(cookieName(launch)), browser, { ...jar.options, maxAge: longestLaunchSeconds })
}

const cookieName = (launch: string): string => `launch-${launch.slice(0, 1)}`

/** Ten minutes at the EHR, and half an hour here. */
const longestLaunchSeconds = 40 * 60
