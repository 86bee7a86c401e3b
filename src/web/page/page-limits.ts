import type { FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { addressGroup } from '../../http/address-group.ts'
import { RequestCounts } from '../../http/request-counts.ts'

/**
 * How many requests a minute are answered: for people who are signed in, each has their own, since a whole hospital may be behind one address;
 * all others from one address share theirs. If a route has a limit of its own, it counts in the same way.
 */
export const pageLimits = {
  max: (request: FastifyRequest): number => (countedPerson(request) === undefined ? mostOfAddress : mostOfPerson),
  timeWindow: '1 minute',
  store: RequestCounts,
  keyGenerator: (request: FastifyRequest): string => countedPerson(request) ?? addressGroup(request),
  errorResponseBuilder: () => new FhirError('throttled', 'Too many requests'),
}

/**
 * Enough for many people who open pages at once without a session: a hall full of people their invitations, a hospital's staff launches from its
 * EHR.
 */
const mostOfAddress = 1200
const mostOfPerson = 600

/** Undefined if what is tried could be anybody's, such as a password: being signed in gives nobody more tries. */
const countedPerson = ({ session, routeOptions }: FastifyRequest): string | undefined =>
  routeOptions.config.isForAnybody ? undefined : session?.person

/** A limit for routes that take long, send letters, or could be used for guessing. */
export const seldom = { max: 60, timeWindow: '1 minute' }
