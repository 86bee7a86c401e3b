import type { Identifier, Patient } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { findPersonOf, identitiesOf, isHeld, linkIdentity, unlinkIssuer } from '../../accounts/identity.ts'
import type { OpenStoreAs } from '../../accounts/person.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Search } from '../../search/search.ts'
import { tokenText } from '../../search/token-text.ts'
import type { Identity } from '../../storage/account/identity.ts'
import type { Session } from '../../storage/account/session.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import type { Database } from '../../storage/database.ts'
import { dropArrival, findArrival, moveArrival } from '../../storage/ehr/launch.ts'
import { findSmartClientConfig, listSmartClientConfigs } from '../../storage/ehr/smart-client-config.ts'
import { type Workplace, workplacesOf } from '../../storage/ehr/staff.ts'
import { seal, unseal } from '../../storage/secret/sealed.ts'
import type { Store } from '../../storage/store.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'

/** Who came from an EHR, and for which patient. */
export type Arrival = {
  /** Id of the configuration of the EHR. */
  readonly config: string
  readonly issuer: string
  /** The EHR's name for its user. */
  readonly subject: string
  /** The Patient as we would save it. */
  readonly patient?: Patient
}

export type Arrivals = {
  readonly find: (arrival: string, browser: string) => Promise<Arrival | undefined>
  /** A secret with which another browser can take over from this one: a new tab does not have the cookies of a frame. It is good for five minutes. */
  readonly handOver: (browser: string) => Promise<string>
  /** False if it was taken over already, if it is too late, or if it was never handed over. */
  readonly takeOver: (arrival: string, handedOver: string, browser: string) => Promise<boolean>
  /** To be called when the arrival has served its purpose. */
  readonly drop: (arrival: string) => Promise<void>
  /** The id of the Person to whom the EHR user is linked. */
  readonly personOf: (issuer: string, subject: string) => Promise<string | undefined>
  /** Whether anybody has the EHR user, even if it does not sign them in: an account that is closed keeps it. */
  readonly isHeld: (issuer: string, subject: string) => Promise<boolean>
  /** False if the session has ended meanwhile. Throws `duplicate` if the EHR user is somebody's already. */
  readonly link: (
    session: Pick<Session, 'id' | 'person'>,
    arrival: Pick<Arrival, 'issuer' | 'subject'>,
  ) => Promise<boolean>
  /** The Person's users at the EHRs that are set up here. */
  readonly usersOf: (person: string) => Promise<readonly Identity[]>
  /** Removes all links to the EHR, and ends all sessions but the one, in the same commit; false if there are none. */
  readonly unlink: (person: string, issuer: string, session: string) => Promise<boolean>
  /** Where the Person works among the organizations for which the EHR is configured. If that is nowhere, it does not let them in. */
  readonly workplaces: (person: string, config: string) => Promise<readonly Workplace[]>
  /** The id of the Patient that the organizations have already, if the Person may see it. */
  readonly findPatient: (
    person: string,
    patient: Patient,
    organizations: readonly string[],
  ) => Promise<string | undefined>
  /**
   * Says that the Patient with the id is the same: from then on, launches from the EHR lead there. Throws FhirError if the Person may not say so, or if
   * it was said of another one of the organization.
   */
  readonly recognize: (person: string, patient: Patient, id: string) => Promise<void>
  /** The search that finds the Patient once one of the organizations has registered it. */
  readonly knownBy: (patient: Patient, organizations: readonly string[]) => Search
}

export type ArrivalParts = {
  readonly database: Database
  readonly secretKey: Uint8Array
  readonly registry: Registry
  readonly openStoreAs: OpenStoreAs
  /** The store as a caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
}

export const openArrivals = (parts: ArrivalParts): Arrivals => ({
  find: async (arrival, browser) => {
    const found = await findArrival(parts.database, arrival, browser)
    if (found === undefined) return undefined
    const config = await findSmartClientConfig(parts.database, found.config)
    if (config === undefined) return undefined
    const { subject, patient } = JSON.parse(await unseal(parts.secretKey, 'launches from an EHR', found.arrived))
    return { config: config.id, issuer: config.issuer, subject, ...(patient === undefined ? {} : { patient }) }
  },
  handOver: browser => seal(parts.secretKey, handingOver, JSON.stringify({ browser, until: Date.now() + handOverMs })),
  takeOver: async (arrival, handedOver, browser) => {
    const opened = await unseal(parts.secretKey, handingOver, handedOver).catch(() => '{}')
    const { browser: from = '', until = 0 }: { browser?: string; until?: number } = JSON.parse(opened)
    return until > Date.now() && moveArrival(parts.database, arrival, { from, to: browser })
  },
  drop: arrival => dropArrival(parts.database, arrival),
  personOf: (issuer, subject) => findPersonOf(parts, { issuer, subject }),
  isHeld: (issuer, subject) => isHeld(parts, { issuer, subject }),
  link: ({ id: session, person }, { issuer, subject }) => linkIdentity(parts, person, { issuer, subject }, { session }),
  usersOf: person => usersOf(parts, person),
  unlink: async (person, issuer, session) => {
    if ((await usersOf(parts, person)).every(user => user.issuer !== issuer)) return false
    await unlinkIssuer(parts, person, issuer, session)
    return true
  },
  workplaces: async (person, id) => {
    const config = await findSmartClientConfig(parts.database, id)
    return config?.enabled ? workplacesOf(parts.database, person, config.organization) : []
  },
  findPatient: async (person, patient, organizations) => {
    if (organizations.length === 0) return undefined
    const store = await storeOf(parts, person, 'user/Patient.rs')
    const [match] = await store.matches(samePatient(parts, patient, organizations), 1)
    return match?.id
  },
  recognize: async (person, patient, id) => {
    const [own] = patient.identifier ?? []
    if (own === undefined) throw new FhirError('invalid', 'The EHR has named no patient')
    const store = await storeOf(parts, person, 'user/Patient.rus')
    await store.atomic(async within => {
      const { content } = await within.read('Patient', id)
      const same = samePatient(parts, patient, organizationsOf(JSON.parse(content)))
      await within.takeTurns([same])
      if ((await within.matches(same, 2)).some(match => match.id !== id))
        throw new FhirError('conflict', 'Another record has been chosen for this patient of the EHR meanwhile')
      await writeOrThrow(within, {
        kind: 'patch',
        type: 'Patient',
        id,
        change: stored => named(stored as Patient, own),
      })
    })
  },
  knownBy: (patient, organizations) => samePatient(parts, patient, organizations),
})

const usersOf = async (parts: ArrivalParts, person: string): Promise<readonly Identity[]> => {
  const configs = await listSmartClientConfigs(parts.database)
  const issuers = new Set(configs.map(({ issuer }) => issuer))
  return (await identitiesOf(parts, person)).filter(({ issuer }) => issuers.has(issuer))
}

const handingOver = 'arrivals from an EHR that are handed over'
const handOverMs = 5 * 60_000

const storeOf = async ({ database, openStoreFor }: ArrivalParts, person: string, scope: string): Promise<Store> =>
  openStoreFor(await callerOfPerson(database, { person, client: 'pages', scope }))

/** With the identifier of the EHR. Another window may have saved it since this one was shown, or that of another patient of the EHR. */
const named = (stored: Patient, own: Identifier): Patient => {
  const { identifier = [], ...patient } = stored
  const known = identifier.find(({ system }) => system === own.system)
  if (known === undefined) return { ...patient, identifier: [...identifier, own] }
  if (known.value === own.value) return stored
  throw new FhirError('conflict', 'The EHR has another patient with this record already')
}

const organizationsOf = ({ managingOrganization }: Patient): readonly string[] =>
  managingOrganization?.reference === undefined ? [] : [managingOrganization.reference.replace(/^Organization\//, '')]

/** Finds the Patient by the identifier of this very EHR, among those that the organizations have registered: never by name, and never elsewhere. */
const samePatient = ({ registry }: ArrivalParts, { identifier }: Patient, organizations: readonly string[]) => {
  const [{ system = '', value = '' } = {}] = identifier ?? []
  const query = new URLSearchParams({
    identifier: tokenText({ system, value }),
    organization: organizations.map(id => `Organization/${id}`).join(),
  })
  return parseSearch(registry, 'Patient', query)
}
