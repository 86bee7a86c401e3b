import { lookup } from 'node:dns/promises'
import pLimit from 'p-limit'
import { type Address, type LookUp, lookUpBy } from './look-up.ts'

/**
 * Looks up a host as its machine does, so also in `/etc/hosts`: one at a time, and once for all who ask meanwhile.
 *
 * The machine is asked in one of two threads of the process, which is kept until the name servers have answered or are given up. The other one is
 * left to the database: without it, a gateway whose name nobody knows at the moment would keep the server from finding that.
 */
export const openMachineLookUp = (addressesOf: AddressesOf = host => lookup(host, { all: true })): LookUp => {
  const asked = new Map<string, Promise<readonly Address[]>>()
  const inTurn = pLimit(1)
  return lookUpBy(host => {
    const found = asked.get(host) ?? inTurn(addressesOf, host).finally(() => asked.delete(host))
    asked.set(host, found)
    return found
  })
}

type AddressesOf = (host: string) => Promise<readonly Address[]>
