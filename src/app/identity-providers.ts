import { fastify } from 'fastify'
import type { Caller } from '../access/caller.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { openEhrLaunches } from '../auth/ehr/launches.ts'
import { openSso } from '../auth/sso/sso.ts'
import type { Config } from '../config.ts'
import type { Registry } from '../fhir/registry.ts'
import { openOutbound } from '../messages/outbound.ts'
import type { Store } from '../storage/store.ts'

type Parts = {
  readonly config: Config
  readonly accounts: Accounts
  readonly registry: Registry
  readonly openStoreFor: (caller: Caller) => Store
}

/** The others that say who somebody is: an EHR that launches us, and the identity provider of an institution. */
export const openIdentityProviders = async ({ config, accounts, registry, openStoreFor }: Parts) => {
  const { database, secretKey, openStoreAs, address } = accounts
  // These requests are made while a provider or a person is waiting.
  const atOnce = { timeoutMs: 5000, maxBodyBytes: 262_144 }
  const toEhrs = openOutbound({ allowed: config.outboundOrigins, ...atOnce })
  const toIssuer = openOutbound({ allowed: [...config.outboundOrigins, ...originOf(config.oidcIssuer)], ...atOnce })
  const ehrLaunches = openEhrLaunches({
    database,
    secretKey,
    outbound: toEhrs,
    registry,
    openStoreAs,
    openStoreFor,
    address,
  })
  const sso = await openSso({
    config,
    database,
    secretKey,
    outbound: toIssuer,
    address,
    openHost: () => fastify(),
    accounts,
    identities: { database, registry, openStoreAs },
  })
  return {
    pages: { ehrLaunches, sso },
    /** To be called when no request is left. */
    close: async () => {
      await Promise.all([toEhrs.close(), toIssuer.close()])
    },
  }
}

/** Whoever configures a provider wants it, even if its address is private. */
const originOf = (issuer: string | undefined): readonly string[] =>
  issuer === undefined ? [] : [new URL(issuer).origin]
