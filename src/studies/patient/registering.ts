import type { Organization, Patient, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { inOneOf } from '../../access/owner.ts'
import { enrollingInto } from '../../access/questions.ts'
import type { Accounts } from '../../accounts/accounts.ts'
import {
  byItsName,
  type NamedOrganization,
  namedOrganization,
} from '../../accounts/organization/administered-organizations.ts'
import { FhirError, unlessRefused } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { requireValid } from '../../fhir/validate/validate.ts'
import { escaped } from '../../search/escape.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Search } from '../../search/search.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { registerBeside } from '../../storage/organization/patient-import.ts'
import type { Store, Stored, Write } from '../../storage/store.ts'
import { sponsorOf } from '../definition/study-sponsor.ts'
import { reasonNotToAsk, reasonNotToEnrol, refuseToEnrol } from '../definition/study-status.ts'
import { titleOf } from '../definition/study-title.ts'
import { type Duplicate, type FindPatients, findDuplicates } from './duplicate-patients.ts'
import { holdForEnrolment } from './held-enrolment.ts'
import { subjectOf } from './study-subject.ts'

/** How members of organizations register patients. Everything is done with the rights of the person. */
export type Registering = {
  /** Where the person may register patients: in no organization that is closed. */
  readonly organizations: (person: string) => Promise<readonly NamedOrganization[]>
  /** The closed ones in which the person could register patients otherwise. */
  readonly closed: (person: string) => Promise<readonly NamedOrganization[]>
  /** The organization if it is closed, and the person could register patients in it otherwise. */
  readonly findClosed: (person: string, organization: string) => Promise<NamedOrganization | undefined>
  /** Those of the patients whom the person may see who may be the same human. */
  readonly duplicates: (person: string, patient: Patient) => Promise<readonly Duplicate[]>
  /** Undefined if the person may enrol nobody into it, or there is no such study. */
  readonly findStudy: (person: string, study: string) => Promise<EnrollingStudy | undefined>
  /**
   * Registers the patient, unless there are others who may be the same human and whom the person has not been shown: if two people register
   * the same human at once, one of them is told. Throws FhirError if the person may not. Nobody is registered in a closed organization.
   * `knownBy`: finds the one who is meant, if another window has registered them by now; then nobody is registered.
   */
  readonly register: (
    person: string,
    patient: Patient,
    into: Into,
    haveBeenShown: HaveBeenShown,
    knownBy?: Search,
  ) => Promise<Registered>
}

type HaveBeenShown = (duplicates: readonly Duplicate[]) => boolean

type Registered =
  | ({ readonly kind: 'registered' } & RegisteredPatient)
  | { readonly kind: 'alike'; readonly duplicates: readonly Duplicate[] }
  | { readonly kind: 'closed' }

/** Ids of the Patient, and of their ResearchSubject where they were enrolled. */
type RegisteredPatient = { readonly id: string; readonly subject: string | undefined }

export type EnrollingStudy = {
  readonly id: string
  readonly name: string
  /** The one to which the study belongs. */
  readonly organization: string
  /** Why nobody can be invited into it now; undefined if people can. */
  readonly notAsking: string | undefined
  /** Why nobody is enrolled into it now, as the end of a sentence; undefined if people can be. */
  readonly closedBecause: string | undefined
}

/** `study`: the patient is also enrolled into it; both are done, or neither. */
export type Into = { readonly organization: string; readonly study?: string | undefined }

export type Registrar = {
  readonly store: Store
  /** Those for which they may write. */
  readonly organizations: readonly string[]
}

export type RegisteringParts = {
  readonly accounts: Pick<Accounts, 'database'>
  readonly registry: Registry
  readonly openStoreFor: (caller: Caller) => Store
}

export const openRegistering = (parts: RegisteringParts): Registering => ({
  organizations: async person => {
    const { store, organizations } = await registrarOf(parts, person)
    return organizationsIn(parts, store, organizations, { 'active:not': 'false' })
  },
  closed: async person => {
    const { store, organizations } = await registrarOf(parts, person)
    return organizationsIn(parts, store, organizations, { active: 'false' })
  },
  findClosed: async (person, organization) => {
    const { store, organizations } = await registrarOf(parts, person)
    const asked = organizations.filter(one => one === organization)
    return (await organizationsIn(parts, store, asked, { active: 'false' }))[0]
  },
  duplicates: async (person, patient) => {
    const { find } = await registrarOf(parts, person)
    const [duplicates = []] = await findDuplicates(find, [patient])
    return duplicates
  },
  findStudy: async (person, study) => {
    const caller = await callerOfPerson(parts.accounts.database, { person, client: 'pages', scope })
    const asked = parseSearch(parts.registry, 'ResearchStudy', new URLSearchParams())
    const one = { kind: 'identified', ids: [study] } as const
    const where = and(asked.where, enrollingInto(caller), one)
    const [found] = (await parts.openStoreFor(caller).search({ ...asked, where })).entries
    return found && toEnrolling(JSON.parse(found.content))
  },
  register: async (person, patient, into, haveBeenShown, knownBy) => {
    const { store, organizations } = await registrarOf(parts, person)
    return store.atomic(async (within, connection) => {
      const known = knownBy === undefined ? [] : [knownBy]
      await within.takeTurns([...meansOf(parts.registry, patient), ...known])
      await registerBeside(connection, into.organization)
      const [meant] = knownBy === undefined ? [] : await within.matches(knownBy, 1)
      if (meant !== undefined) return { kind: 'registered', id: meant.id, subject: undefined }
      if (into.study !== undefined) await holdForEnrolment(within, connection, into.study)
      return registerOne(parts, within, patient, { ...into, organizations, haveBeenShown })
    })
  },
})

type Asked = Into & Pick<Registrar, 'organizations'> & { readonly haveBeenShown: HaveBeenShown }

const registerOne = async (
  parts: RegisteringParts,
  within: Store,
  patient: Patient,
  asked: Asked,
): Promise<Registered> => {
  const { haveBeenShown, ...into } = asked
  const [duplicates = []] = await findDuplicates(patientsIn(parts.registry, within), [patient])
  if (duplicates.length > 0 && !haveBeenShown(duplicates)) return { kind: 'alike', duplicates }
  if (await isClosed(within, into.organization)) return { kind: 'closed' }
  const [{ id, subject } = { id: '', subject: undefined }] = await registerAll(parts, within, [patient], into)
  return { kind: 'registered', id, subject }
}

const organizationsIn = async (
  { registry }: RegisteringParts,
  store: Store,
  ids: readonly string[],
  which: Readonly<Record<string, string>>,
): Promise<readonly NamedOrganization[]> => {
  if (ids.length === 0) return []
  const query = new URLSearchParams({ _id: ids.join(','), ...which, _sort: 'name', _count: '1000' })
  const { entries } = await store.search(parseSearch(registry, 'Organization', query))
  return entries.map(({ content }) => namedOrganization(JSON.parse(content))).toSorted(byItsName)
}

/** The searches by which two who register the same human at once take turns. */
const meansOf = (registry: Registry, { birthDate, identifier = [] }: Patient): readonly Search[] =>
  [
    ...(birthDate === undefined ? [] : [{ birthdate: birthDate }]),
    ...identifier.flatMap(({ value }) => (value === undefined ? [] : [{ identifier: escaped(value) }])),
  ].map(query => parseSearch(registry, 'Patient', new URLSearchParams(query)))

/** The store of somebody who registers, the organizations for which they do so, and what patients they can find. */
export const registrarOf = async (
  { accounts, registry, openStoreFor }: RegisteringParts,
  person: string,
): Promise<Registrar & { readonly find: FindPatients }> => {
  const caller = await callerOfPerson(accounts.database, { person, client: 'pages', scope })
  const store = openStoreFor(caller)
  const organizations = caller.practitioner === undefined ? [] : caller.organizations
  return { store, organizations, find: patientsIn(registry, store) }
}

/** Finds patients among those whom the store's caller may see, also within a transaction. */
export const patientsIn =
  (registry: Registry, store: Pick<Store, 'search'>): FindPatients =>
  async query => {
    const found: Patient[] = []
    let cursor: string | undefined
    do {
      const asked = parseSearch(registry, 'Patient', new URLSearchParams([...query, ['_count', '1000']]))
      const page = await store.search({ ...asked, cursor })
      for (const { content } of page.entries) found.push(JSON.parse(content))
      cursor = page.next
    } while (cursor !== undefined)
    return found
  }

const scope = 'user/Patient.crs user/Organization.rs user/ResearchStudy.rs user/ResearchSubject.crs'

/** Throws FhirError if the organization is closed, as it may be by the time a long task is done. */
export const refuseClosed = async (store: Pick<Store, 'read'>, organization: string): Promise<void> => {
  if (await isClosed(store, organization))
    throw new FhirError('business-rule', 'The organization is closed, so nobody is registered in it')
}

/** Whoever may not see it may not write there either. */
const isClosed = async (store: Pick<Store, 'read'>, organization: string): Promise<boolean> => {
  const stored = await unlessRefused(() => store.read('Organization', organization))
  return stored !== undefined && (JSON.parse(stored.content) as Organization).active === false
}

/** Registers all of them or throws; to be called within a transaction. Answers them in the same order. */
export const registerAll = async (
  { registry }: Pick<RegisteringParts, 'registry'>,
  store: Store,
  patients: readonly Patient[],
  { organization, organizations, study }: Into & Pick<Registrar, 'organizations'>,
): Promise<readonly RegisteredPatient[]> => {
  const managingOrganization = { reference: `Organization/${organization}` }
  const creates = patients.map(patient => toCreate(registry, { ...patient, managingOrganization }))
  const ids = (await writeAll(store, creates)).map(({ id }) => id)
  if (study === undefined) return ids.map(id => ({ id, subject: undefined }))
  const asked: ResearchStudy = JSON.parse((await store.read('ResearchStudy', study)).content)
  refuseToEnrol(asked)
  const enrolled = await writeAll(
    store,
    patients.map((patient, index) =>
      toCreate(
        registry,
        inOneOf(subjectOf(asked, { ...patient, id: ids[index] ?? '' }), organizations, [organization]),
      ),
    ),
  )
  return ids.map((id, index) => ({ id, subject: enrolled[index]?.id }))
}

const toCreate = (registry: Registry, resource: Patient | ResearchSubject): Write => ({
  kind: 'create',
  resource: requireValid(registry, resource),
})

const writeAll = async (store: Store, writes: readonly Write[]): Promise<readonly Stored[]> =>
  (await store.write(writes)).map(written => {
    if (written.outcome === 'refused') throw written.error
    if (written.outcome === 'deleted') throw new Error('nothing was to be deleted')
    return written
  })

const toEnrolling = (study: ResearchStudy): EnrollingStudy => ({
  id: study.id ?? '',
  name: titleOf(study),
  organization: sponsorOf(study) ?? '',
  notAsking: reasonNotToAsk(study),
  closedBecause: reasonNotToEnrol(study),
})
