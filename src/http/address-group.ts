import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import { brokenOff } from './errors.ts'

/**
 * Whom requests are counted for: an IPv4 address, or the /64 of an IPv6 address, in which one customer has them all. Throws FhirError for a client
 * that has left: its address is not known any more, so it could not be counted, and nobody waits for its answer.
 */
export const addressGroup = (request: Pick<FastifyRequest, 'ip'>): string => {
  const told: string | undefined = request.ip
  if (told === undefined) throw brokenOff
  const ip = withoutPort(told)
  if (!ipaddr.isValid(ip)) return ip
  const address = ipaddr.process(ip)
  return address instanceof ipaddr.IPv6 ? address.parts.slice(0, 4).join(':') : address.toString()
}

/** Some proxies name the port in X-Forwarded-For as well, and that is another one for each connection. */
const withoutPort = (told: string): string =>
  /^([\d.]+|\[[\da-f:.]+\])(?::\d+)?$/i.exec(told)?.[1]?.replace(/^\[|\]$/g, '') ?? told
