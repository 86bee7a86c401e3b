import type { FastifyRequest } from 'fastify'
import type { Arrival } from '../../auth/ehr/arrivals.ts'
import { cookieOf } from '../../http/session.ts'
import type { Workplace } from '../../storage/ehr/staff.ts'
import type { PageOptions } from '../page/add-page.ts'
import { jarOf } from '../page/frame.ts'

export type Asked = { readonly Params: { readonly arrival: string } }

type Here = { readonly arrival: Arrival }
type Known = Here & { readonly person: string; readonly places: readonly Workplace[] }
export type Link = Known & { readonly kind: 'link' }
export type Register = Known & { readonly kind: 'register'; readonly patient: NonNullable<Arrival['patient']> }

/** What is to be done next; asked anew at each request, of what is so then. */
export type Step =
  | { readonly kind: 'gone' }
  | (Here & { readonly kind: 'sign-in' | 'not-staff' | 'another' | 'held' })
  | Link
  | Register
  | { readonly kind: 'at-patient'; readonly id: string }
  | { readonly kind: 'no-patient' }

export const stepOf = async (request: FastifyRequest<Asked>, options: PageOptions): Promise<Step> => {
  const { arrivals } = options.ehrLaunches
  const arrival = await arrivals.find(request.params.arrival, browserOf(request, options))
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

/** What the browser keeps of its launches; one cookie for all that are under way. */
export const browserOf = (request: FastifyRequest, { cookies }: PageOptions): string => {
  const jar = jarOf(request, cookies)
  return jar === undefined ? '' : cookieOf(request, jar, 'launch')
}
