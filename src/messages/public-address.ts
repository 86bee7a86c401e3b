import { Resolver } from 'node:dns/promises'
import ipaddr from 'ipaddr.js'
import { type Address, type LookUp, lookUpBy } from './look-up.ts'

/**
 * Looks up the public addresses of a host when the connection is made, so that a name cannot lead elsewhere after it was checked.
 *
 * It asks the name servers itself. `dns.lookup` asks them in one of two threads of the process, and keeps it until they have answered or are given
 * up: whoever may name hosts could keep both, by names for which nobody answers, and meanwhile not even the database would be found.
 */
export const openPublicLookUp = (nameServers?: readonly string[]): LookUp =>
  lookUpBy(async host => {
    const found = (await addressesOf(host, nameServers)).filter(one => isPublic(one.address))
    if (found.length === 0) throw new Error(`${host} is not a public address`)
    return found
  })

/** Of both families; the error of one counts only if there is nothing of the other. A name without a dot is known only nearby. */
const addressesOf = async (host: string, nameServers: readonly string[] | undefined): Promise<Address[]> => {
  if (!host.includes('.')) return []
  // A new one reads anew which name servers there are.
  const resolver = new Resolver({ timeout: 1000, tries: 2 })
  if (nameServers !== undefined) resolver.setServers(nameServers)
  const answers = await Promise.allSettled([
    resolver.resolve4(host).then(all => all.map(address => ({ address, family: 4 }))),
    resolver.resolve6(host).then(all => all.map(address => ({ address, family: 6 }))),
  ])
  const found = answers.flatMap(one => (one.status === 'fulfilled' ? one.value : []))
  const [failed] = answers.filter(one => one.status === 'rejected')
  if (found.length === 0 && failed !== undefined) throw failed.reason
  return found
}

/** Whether it is neither loopback, nor private, nor link-local (where clouds keep their credentials), nor in any other special network. */
export const isPublic = (address: string): boolean => {
  const asked = ipaddr.process(address)
  return asked.range() === 'unicast' && (asked.kind() === 'ipv4' || asked.match(givenOut))
}

/**
 * All of IPv6 that is publicly assigned. It leaves out old spellings of IPv4 such as ::127.0.0.1.
 * https://www.iana.org/assignments/ipv6-address-space
 */
const givenOut = ipaddr.parseCIDR('2000::/3')
