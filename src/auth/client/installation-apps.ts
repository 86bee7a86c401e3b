import type { ClientPolicy } from '../../access/caller.ts'
import type { ConfigurationChange } from '../../accounts/organization/configuration-change.ts'
import { FhirError } from '../../fhir/error.ts'
import type { OrganizationClient } from '../../storage/authorization/client-registration.ts'
import {
  type ClientsAsked,
  findInstallationClient,
  listAllClients,
  lockInstallationClient,
} from '../../storage/authorization/installation-client.ts'
import type { Connection } from '../../storage/database.ts'
import { type AppParts, changeApp } from './app-change.ts'
import { changeApproved, disable, enable, isBackend } from './approved-clients.ts'

/** The apps and backend services of the whole installation, as its administrators look after them. Each change is recorded. */
export type InstallationApps = {
  /** With those of organizations. `page`: from 1 on. */
  readonly list: (
    asked: ClientsAsked,
    page: number,
  ) => Promise<{ readonly apps: readonly OrganizationClient[]; readonly hasMore: boolean }>
  /** Undefined if it belongs to an organization, which looks after it. */
  readonly find: (id: string) => Promise<OrganizationClient | undefined>
  /** False if it is disabled already. */
  readonly disable: (person: string, id: string) => Promise<boolean>
  /** What was granted before does not come back. False if it is enabled, or the operator has disabled it. */
  readonly enable: (person: string, id: string) => Promise<boolean>
  /**
   * Lets it record the answers of the patients who use it, or no longer. Whoever lets it has reviewed it, so it counts as approved from then on.
   * False if it does, or does not, already. Throws `conflict` if it is disabled, or a service: no patient uses one.
   */
  readonly letRecordConsent: (person: string, id: string, to: 'yes' | 'no') => Promise<boolean>
}

export const openInstallationApps = (parts: AppParts): InstallationApps => {
  const { database } = parts
  const changing = (person: string, id: string, run: Run): Promise<boolean> =>
    changeApp(parts, { person }, async connection => {
      const client = await lockInstallationClient(connection, id)
      if (client === undefined) throw new FhirError('not-found', 'There is no such app')
      const change = await run(connection, client)
      return { answer: change !== undefined, change: change && { action: 'U', id, ...change } }
    })
  return {
    list: async (asked, page) => {
      const found = await listAllClients(database, asked, { offset: (page - 1) * pageSize, limit: pageSize + 1 })
      return { apps: found.slice(0, pageSize), hasMore: found.length > pageSize }
    },
    find: id => findInstallationClient(database, id),
    disable: (person, id) =>
      changing(person, id, async (connection, { name, disabledBy }) => {
        if (disabledBy !== undefined) return undefined
        await disable(connection, id, 'organization')
        return { told: `The app ${name} was disabled`, details: {} }
      }),
    enable: (person, id) =>
      changing(person, id, async (connection, { name, disabledBy }) => {
        if (disabledBy !== 'organization') return undefined
        await enable(connection, id, 'organization')
        return { told: `The app ${name} was enabled`, details: {} }
      }),
    letRecordConsent: (person, id, to) =>
      changing(person, id, (connection, client) => letRecord({ ...parts, database: connection }, client, to)),
  }
}

const pageSize = 50

type Change = Pick<ConfigurationChange, 'told' | 'details'>
type Run = (connection: Connection, client: OrganizationClient) => Promise<Change | undefined>

const letRecord = async (
  parts: Pick<AppParts, 'refusalOf' | 'rules'> & { readonly database: Connection },
  client: OrganizationClient,
  to: 'yes' | 'no',
): Promise<Change | undefined> => {
  const { id, name, policies } = client
  if (policies.includes(recordsConsent) === (to === 'yes')) return undefined
  if (client.disabledBy !== undefined) throw new FhirError('conflict', 'It is disabled')
  if (isBackend(client)) throw new FhirError('conflict', 'It is a service, which no patient uses')
  const others = policies.filter(one => one !== recordsConsent)
  await changeApproved(parts, id, { metadata: {}, policies: to === 'yes' ? [...others, recordsConsent] : others })
  const what = to === 'yes' ? 'may record the answers of patients' : 'may no longer record the answers of patients'
  return { told: `The app ${name} ${what}`, details: { [recordsConsent]: to } }
}

const recordsConsent = 'records-consent' satisfies ClientPolicy
