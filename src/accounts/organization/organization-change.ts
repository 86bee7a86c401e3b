import type { CodeableConcept, Coding, Organization } from '@medplum/fhirtypes'
import { inOneOf } from '../../access/owner.ts'
import { isBlank } from '../../fhir/blank.ts'
import { extensions } from '../../fhir/canonical.ts'
import { organizationTypeSystem, organizationTypes } from '../../fhir/organization-type.ts'
import { namedId } from '../../fhir/reference.ts'
import { withValues } from '../../fhir/with-values.ts'
import { escaped } from '../../search/escape.ts'
import type { Organizer } from './organizer.ts'

/** What was entered about an Organization. */
export type SaidOrganization = {
  readonly name: string
  /** A code of FHIR's own, or empty. */
  readonly type: string
  /** Whether everybody who works in it, or below it, must sign in with a second factor. */
  readonly secondFactor: boolean
}

export type OrganizationProblems = {
  readonly name?: 'missing' | 'too-long'
  readonly type?: 'unknown'
}

export const organizationProblems = ({ name, type }: Pick<SaidOrganization, 'name' | 'type'>): OrganizationProblems => {
  const { length } = name.trim()
  const isKnown = type === '' || organizationTypes().some(({ code }) => code === type)
  return {
    ...(isBlank(name) ? { name: 'missing' } : length > 200 ? { name: 'too-long' } : {}),
    ...(isKnown ? {} : { type: 'unknown' }),
  }
}

/** The first of its types that is one of FHIR's own; empty if there is none. */
export const typeOfOrganization = ({ type = [] }: Organization): string =>
  type.flatMap(({ coding = [] }) => coding).find(({ system }) => system === organizationTypeSystem)?.code ?? ''

/** The version that somebody was shown of what they change. */
export type Shown = { readonly id: string; readonly version: string }

/** `id`: the one that it gets, so that it is made once. Without a parent, it becomes a root. */
type New = { readonly id: string; readonly partOf?: string }

/** Those in the same place of the tree with exactly this name, as far as they see them. */
export const findNamedOrganizations = async (
  { find }: Organizer,
  { name, partOf }: { readonly name: string; readonly partOf?: string },
): Promise<readonly string[]> => {
  const place = partOf === undefined ? { 'partof:missing': 'true' } : { partof: `Organization/${partOf}` }
  const { entries } = await find<Organization>('Organization', {
    'name:exact': escaped(name.trim()),
    ...place,
    _count: '100',
  })
  return entries.map(({ resource }) => resource.id ?? '')
}

/** Answers its id. */
export const makeOrganization = async (
  organizer: Organizer,
  said: SaidOrganization,
  { id, partOf }: New,
): Promise<string> => {
  const organization: Organization = {
    ...withSaid({ resourceType: 'Organization', active: true }, said),
    ...(partOf === undefined ? {} : { partOf: { reference: `Organization/${partOf}` } }),
  }
  const { organizations } = organizer.caller
  const resource = inOneOf(organization, organizations, [await managedAbove(organizer, partOf)])
  return organizer.make(resource, id)
}

/** That organization, or the nearest above it, for which they may write: they may work in several tenants. */
const managedAbove = async (
  { caller, read }: Organizer,
  organization: string | undefined,
): Promise<string | undefined> => {
  if (caller.organizations.length < 2) return undefined
  let id = organization
  while (id !== undefined && !caller.organizations.includes(id))
    id = namedId((await read<Organization>('Organization', id)).resource.partOf, 'Organization')
  return id
}

export const changeOrganization = (organizer: Organizer, shown: Shown, said: SaidOrganization): Promise<string> =>
  changeStored(organizer, shown, stored => withSaid(stored, said))

/** Moves it with everything below it. */
export const moveOrganization = (organizer: Organizer, shown: Shown, parent: string): Promise<string> =>
  changeStored(organizer, shown, stored => ({ ...stored, partOf: { reference: `Organization/${parent}` } }))

export const setOrganizationActive = (organizer: Organizer, shown: Shown, active: boolean): Promise<string> =>
  changeStored(organizer, shown, stored => withValues(stored, { active }))

export const changeStored = (
  { write }: Organizer,
  { id, version }: Shown,
  next: (stored: Organization) => Organization,
): Promise<string> =>
  write({ kind: 'patch', type: 'Organization', id, ifMatch: version, change: stored => next(stored as Organization) })

/** Whether it requires a second factor itself; those above it may do so as well. */
export const asksSecondFactor = ({ extension = [] }: Organization): boolean =>
  extension.some(({ url, valueBoolean }) => url === extensions.secondFactor && valueBoolean === true)

const withSaid = (organization: Organization, said: SaidOrganization): Organization =>
  withSecondFactor(withType(withValues(organization, { name: said.name.trim() }), said.type), said.secondFactor)

/** Replaces its type; other types, as codes or in words, are kept. */
const withType = (organization: Organization, type: string): Organization => {
  const replaced = typeOfOrganization(organization)
  if (replaced === type) return organization
  const { type: before = [], ...rest } = organization
  const own = organizationTypes().filter(({ code }) => code === type)
  const coding = own.map(({ code, display }) => ({ system: organizationTypeSystem, code, display }))
  const at = before.findIndex(hasOwnCoding)
  const others = before.map((concept, index) => withCoding(concept, index === at ? coding : [], replaced))
  const types = [...(at < 0 && coding.length > 0 ? [{ coding }] : []), ...others.filter(one => !isEmptyConcept(one))]
  return { ...rest, ...(types.length === 0 ? {} : { type: types }) }
}

const isOwnCoding = ({ system }: Coding): boolean => system === organizationTypeSystem

const hasOwnCoding = ({ coding = [] }: CodeableConcept): boolean => coding.some(isOwnCoding)

/** Replaces the first of FHIR's own codings. A text that only says what that was is removed with it. */
const withCoding = (concept: CodeableConcept, own: readonly Coding[], replaced: string): CodeableConcept => {
  if (!hasOwnCoding(concept)) return concept
  const { coding: before = [], text, ...rest } = concept
  const at = before.findIndex(isOwnCoding)
  const coding = before.flatMap((one, index) => (index === at ? own : isOwnCoding(one) ? [] : one))
  const was = organizationTypes().find(({ code }) => code === replaced)?.display
  const isOfReplaced = text?.trim().toLowerCase() === was?.toLowerCase()
  return {
    ...rest,
    ...(coding.length === 0 ? {} : { coding }),
    ...(text === undefined || isOfReplaced ? {} : { text }),
  }
}

const isEmptyConcept = (concept: CodeableConcept): boolean => Object.keys(concept).every(name => name === 'id')

const withSecondFactor = (organization: Organization, isAsked: boolean): Organization => {
  if (asksSecondFactor(organization) === isAsked) return organization
  const { extension: before = [], ...rest } = organization
  const others = before.filter(({ url }) => url !== extensions.secondFactor)
  const extension = [...others, ...(isAsked ? [{ url: extensions.secondFactor, valueBoolean: true }] : [])]
  return { ...rest, ...(extension.length === 0 ? {} : { extension }) }
}
