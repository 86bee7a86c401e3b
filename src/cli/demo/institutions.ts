import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import { organizationRole } from '../../access/vocabulary.ts'
import { canonicalBase, extensions, systems } from '../../fhir/canonical.ts'
import { withReason, withTranslatedPurpose, withTranslatedTitle } from '../../studies/definition/study-words.ts'
import { kindOf, measures, type Permission, requested, type Source, sources } from './cast.ts'
import { concept } from './consent.ts'
import type { FhirClient } from './fhir-client.ts'
import { patientText } from './patient-text.ts'
import {
  type Colleague,
  type ColleagueKey,
  emailOf,
  type OrganizationKey,
  organizations,
  type StudyKey,
  staff,
  studies,
} from './staff.ts'
import { purposes, reasons, titles } from './study-words.ts'
import { type SignIn, scopes } from './tokens.ts'
import type { Ids } from './world.ts'

/** Institutions, sources, people and studies: the administrator begins, the managers continue. */
export const setUpInstitutions = async (signIn: SignIn): Promise<Ids> => {
  const administrator = await signIn.administrator()
  const sourceIds = await inTurn(sources, source => createSource(administrator, source))
  const roots = await inTurn(pick(organizations, isRoot), ({ name }) => createOrganization(administrator, name))
  const organizationIds = new Map<OrganizationKey, string>(Object.entries(roots) as [OrganizationKey, string][])
  const colleagueIds = new Map<ColleagueKey, string>()
  const hire = async (by: FhirClient, key: ColleagueKey) => {
    const { practitioner, person } = await createColleague(by, staff[key], organizationIds)
    colleagueIds.set(key, practitioner)
    await signIn.openAccount(key, person)
  }
  for (const key of keysMadeBy('administrator')) await hire(administrator, key)
  const managers = {
    dean: await signIn.colleague('dean', scopes.setUp),
    director: await signIn.colleague('director', scopes.setUp),
  }
  for (const [key, organization] of Object.entries(organizations)) {
    if (!('partOf' in organization)) continue
    const { name, partOf, madeBy } = organization
    const id = await createOrganization(managers[madeBy], name, organizationIds.get(partOf))
    organizationIds.set(key as OrganizationKey, id)
  }
  for (const by of ['dean', 'director'] as const) {
    for (const key of keysMadeBy(by)) await hire(managers[by], key)
  }
  const known = {
    organizations: Object.fromEntries(organizationIds) as Ids['organizations'],
    sources: sourceIds,
    colleagues: Object.fromEntries(colleagueIds) as Ids['colleagues'],
  }
  return {
    ...known,
    studies: await inTurn(studies, async (study, key) => {
      const { id } = await managers[study.madeBy].create(toStudy(key, known))
      return id
    }),
    studyOrganizations: await inTurn(studies, async ({ organization }) => known.organizations[organization]),
  }
}

const isRoot = (organization: object): boolean => !('partOf' in organization)

const keysMadeBy = (by: Colleague['madeBy']): readonly ColleagueKey[] =>
  (Object.keys(staff) as ColleagueKey[]).filter(key => staff[key].madeBy === by)

const createSource = async (client: FhirClient, { manufacturer, model, delivers }: (typeof sources)[Source]) => {
  const deviceName = [{ name: model, type: 'model-name' as const }]
  const extension = delivers.map(measure => ({
    url: extensions.deliveredData,
    valueCoding: { system: systems.omh, code: kindOf(measure) },
  }))
  const { id } = await client.create({ resourceType: 'Device', extension, manufacturer, deviceName })
  return id
}

const createOrganization = async (client: FhirClient, name: string, partOf?: string) => {
  const parent = partOf === undefined ? {} : { partOf: { reference: `Organization/${partOf}` } }
  const { id } = await client.create({ resourceType: 'Organization', active: true, name, ...parent })
  return id
}

/** A Practitioner, a membership, and an account. */
const createColleague = async (
  by: FhirClient,
  { given, family, role }: Colleague,
  ids: ReadonlyMap<OrganizationKey, string>,
): Promise<{ readonly practitioner: string; readonly person: string }> => {
  const name = [{ given: [given], family }]
  const { id } = await by.create({ resourceType: 'Practitioner', active: true, name })
  const practitioner = { reference: `Practitioner/${id}` }
  if (role !== undefined) {
    await by.create({
      resourceType: 'PractitionerRole',
      practitioner,
      organization: { reference: `Organization/${ids.get(role.of)}` },
      code: [concept(organizationRole, role.as)],
    })
  }
  const telecom = [{ system: 'email' as const, value: emailOf({ given, family }) }]
  const person = await by.create({ resourceType: 'Person', name, telecom, link: [{ target: practitioner }] })
  return { practitioner: id, person: person.id }
}

const toStudy = (key: StudyKey, ids: Pick<Ids, 'organizations' | 'sources' | 'colleagues'>): ResearchStudy => {
  const study = studies[key]
  const said: ResearchStudy = {
    resourceType: 'ResearchStudy',
    status: 'active',
    title: titles[key].en,
    description: purposes[key].en,
    sponsor: { reference: `Organization/${ids.organizations[study.organization]}` },
    extension: [
      { url: extensions.identity, valueCode: study.identity },
      { url: extensions.access, valueCode: study.access },
      ...requested[key].map(permission => requestedData(permission, ids)),
      patientText(key),
      ...Object.entries(study.staff).map(([one, role]) => staffEntry(ids.colleagues[one as ColleagueKey], role)),
    ],
  }
  return withTranslatedPurpose(withTranslatedTitle(said, spanish(titles[key].es)), spanish(purposes[key].es))
}

const spanish = (text: string) => [{ language: 'es', text }]

const requestedData = ({ measure, source }: Permission, ids: Pick<Ids, 'sources'>): Extension => {
  const asked: Extension = {
    url: extensions.requestedData,
    extension: [
      {
        url: 'kind',
        valueCodeableConcept: { ...concept(systems.omh, kindOf(measure)), text: measures[measure].display },
      },
      ...(source === undefined
        ? []
        : [{ url: 'source', valueReference: { reference: `Device/${ids.sources[source]}` } }]),
    ],
  }
  return withReason(asked, reasons[measure].en, spanish(reasons[measure].es))
}

const staffEntry = (practitioner: string, role: string): Extension => ({
  url: extensions.staff,
  extension: [
    { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
    { url: 'role', valueCodeableConcept: concept(`${canonicalBase}/CodeSystem/staff-role`, role) },
  ],
})

const pick = <T extends object>(of: T, isWanted: (one: T[keyof T] & object) => boolean): T =>
  Object.fromEntries(Object.entries(of).filter(([, one]) => isWanted(one))) as T

/** The results under the same names, made one after the other. */
const inTurn = async <Key extends string, From, To>(
  of: Readonly<Record<Key, From>>,
  make: (from: From, key: Key) => Promise<To>,
): Promise<Record<Key, To>> => {
  const made: [string, To][] = []
  for (const [key, from] of Object.entries(of) as [Key, From][]) made.push([key, await make(from, key)])
  return Object.fromEntries(made) as Record<Key, To>
}
