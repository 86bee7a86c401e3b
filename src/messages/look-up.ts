import type { Agent } from 'undici'

/** How a host is looked up by whoever connects to it. */
export type LookUp = NonNullable<Extract<NonNullable<Agent.Options['connect']>, { lookup?: unknown }>['lookup']>

export type Address = { readonly address: string; readonly family: number }

/** In the form of `dns.lookup`. */
export const lookUpBy =
  (addressesOf: (host: string) => Promise<readonly Address[]>): LookUp =>
  (host, { family, all }, done) => {
    addressesOf(host).then(
      addresses => {
        const found = addresses.filter(one => [one.family, 0, undefined].includes(numberOf(family)))
        const [first] = found
        if (first === undefined) return done(new Error(`${host} has no address of IPv${family}`), [])
        return all === true ? done(null, found) : done(null, first.address, first.family)
      },
      (error: Error) => done(error, []),
    )
  }

const numberOf = (family: number | 'IPv4' | 'IPv6' | undefined): number | undefined =>
  family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family
