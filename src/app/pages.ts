import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Access } from '../access/access.ts'
import type { Caller } from '../access/caller.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Config } from '../config.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import type { Cookies } from '../http/caller/session.ts'
import type { FhirOptions } from '../http/fhir/fhir.ts'
import { openContexts } from '../http/fhir/fhir-context.ts'
import type { Mail } from '../messages/mail.ts'
import type { Store } from '../storage/store.ts'
import { pageRoutes } from '../web/page-routes.ts'
import { openIdentityProviders } from './identity-providers.ts'
import { openPatients } from './patients.ts'
import { openStaffing } from './staff-invitations.ts'
import type { Jobs } from './work.ts'

type Parts = {
  readonly config: Config
  readonly log: FastifyBaseLogger
  readonly cookies: Cookies
  readonly accounts: Accounts
  readonly mail: Mail | undefined
  readonly fhir: FhirOptions
  readonly codeClasses: CodeClasses
  readonly openStoreFor: (caller: Caller, within?: Access) => Store
}

/** The pages, and what only they need. */
export const registerPages = async (server: FastifyInstance, parts: Parts, jobs: Jobs | undefined) => {
  const { config, log, cookies, accounts, mail, fhir, codeClasses, openStoreFor } = parts
  const { registry, trail, mhealth } = fhir
  const patients = await openPatients({ config, log, accounts, mail, registry, codeClasses, openStoreFor, jobs })
  const staffing = await openStaffing({ accounts, registry, openStoreFor, mail: patients.channels.email }, jobs)
  const providers = await openIdentityProviders({ config, accounts, registry, openStoreFor })
  await server.register(pageRoutes, {
    cookies,
    accounts,
    ...patients.pages,
    ...staffing.pages,
    ...providers.pages,
    trail,
    openStoreFor,
    registry,
    codeClasses,
    measuredDocumentOf: mhealth.measuredDocumentOf,
    contextFor: openContexts(fhir),
    turnsOf: fhir.turnsOf,
    backupDays: config.backupDays,
  })
  return {
    /** Waits for the background work that is under way. */
    closeWork: async () => {
      await patients.closeWork()
      await staffing.close()
    },
    /** To be called when no request is left. */
    close: async () => {
      await Promise.all([patients.close(), providers.close()])
    },
  }
}
