import type { FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { addressGroup } from '../../http/address-group.ts'

/**
 * How many requests a minute are answered: of whoever is signed in theirs, since a whole hospital may be behind one address; of
 * all others together those from one address. Where a route has a limit of its own, it is for the same.
 */
export const pageLimits = {
  max: (request: FastifyRequest): number => (countedPerson(request) === undefined ? mostOfAddress : mostOfPerson),
  timeWindow: '1 minute',
  keyGenerator: (request: FastifyRequest): string => countedPerson(request) ?? addressGroup(request),
  errorResponseBuilder: () => new FhirError('throttled', 'Too many requests'),
}

/** What many open at once without a session: a hall full of people their invitations, a hospital's staff launches from its EHR. */
const mostOfAddress = 1200
const mostOfPerson = 600

/** Undefined where what is tried is anybody's, such as a password: nobody tries more of them for being signed in. */
const countedPerson = ({ session, routeOptions }: FastifyRequest): string | undefined =>
  routeOptions.config.isForAnybody ? undefined : session?.person

/** A limit of a route's own, for what takes a while, sends a letter, or could be guessed. */
export const seldom = { max: 60, timeWindow: '1 minute' }
