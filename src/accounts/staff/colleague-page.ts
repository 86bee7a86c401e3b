import type { Practitioner, PractitionerRole } from '@medplum/fhirtypes'
import { type OrganizationRole, organizationRole } from '../../access/vocabulary.ts'
import type { Registry } from '../../fhir/registry.ts'
import { escaped } from '../../search/escape.ts'
import type { Expression } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Organizer } from '../organization/organizer.ts'
import { type Colleague, isRoleIn, toColleague } from './colleagues.ts'

export type ColleaguePage = {
  readonly colleagues: readonly Colleague[]
  readonly next?: string
  readonly total: number
}

export type ColleagueOrder = 'name' | 'role' | 'since' | 'changed'

type Asked = {
  /** Id of the Organization. */
  readonly organization: string
  /** A part of the name; empty: all. */
  readonly name: string
  /** Only people with this role; undefined: with any. */
  readonly code: OrganizationRole | undefined
  readonly order: ColleagueOrder
  readonly cursor?: string | undefined
}

/** A page of those who have a role in the organization itself, by what the order is of: people, or their roles. */
export const findColleagues = (organizer: Organizer, registry: Registry, asked: Asked): Promise<ColleaguePage> =>
  asked.order === 'role' || asked.order === 'since'
    ? pageOfRoles(organizer, registry, asked, roleSorts[asked.order])
    : pageOfPeople(organizer, registry, asked, personSorts[asked.order])

const personSorts = { name: 'name', changed: '-_lastUpdated' } as const

/** The codes of our roles are in the order of the alphabet, too: manager, member, privacy officer, viewer. */
const roleSorts = { role: 'role', since: '-date' } as const

const pageOfPeople = async (
  { find }: Organizer,
  registry: Registry,
  { organization, name, code, cursor }: Asked,
  sort: string,
): Promise<ColleaguePage> => {
  const query = { ...page, _sort: sort, _revinclude: 'PractitionerRole:practitioner', ...named(name) }
  const parameter = practitionerOf(registry)
  const { where: of } = parseSearch(registry, 'PractitionerRole', new URLSearchParams(rolesIn(organization, code)))
  const where: Expression = { kind: 'has', source: 'PractitionerRole', parameter, of }
  const { entries, included, next, total } = await find<Practitioner>('Practitioner', query, { cursor, where })
  const held = Map.groupBy(
    included.flatMap(one => (one.resourceType === 'PractitionerRole' && isRoleIn(one, organization) ? [one] : [])),
    ({ practitioner }) => practitioner?.reference,
  )
  return {
    colleagues: entries.flatMap(({ resource }) =>
      (held.get(`Practitioner/${resource.id}`) ?? []).map(role => toColleague(role, resource)),
    ),
    ...(next === undefined ? {} : { next }),
    total: total ?? entries.length,
  }
}

const pageOfRoles = async (
  { find }: Organizer,
  registry: Registry,
  { organization, name, code, cursor }: Asked,
  sort: string,
): Promise<ColleaguePage> => {
  const query = { ...page, _sort: sort, _include: 'PractitionerRole:practitioner', ...rolesIn(organization, code) }
  const parameter = practitionerOf(registry)
  const { where: of } = parseSearch(registry, 'Practitioner', new URLSearchParams(named(name)))
  const where: Expression = { kind: 'chain', parameter, target: 'Practitioner', of }
  const { entries, included, next, total } = await find<PractitionerRole>('PractitionerRole', query, { cursor, where })
  const people = new Map<string | undefined, Practitioner>(
    included.flatMap(one => (one.resourceType === 'Practitioner' ? [[`Practitioner/${one.id}`, one] as const] : [])),
  )
  return {
    colleagues: entries.flatMap(({ resource: role }) => {
      const person = people.get(role.practitioner?.reference)
      return person === undefined ? [] : [toColleague(role, person)]
    }),
    ...(next === undefined ? {} : { next }),
    total: total ?? entries.length,
  }
}

const page = { _count: '50', _total: 'accurate' } as const

const named = (name: string): Readonly<Record<string, string>> =>
  name === '' ? {} : { 'name:contains': escaped(name) }

/** Our roles there, as `isRoleIn` has it. */
const rolesIn = (organization: string, code = '') => ({
  organization: `Organization/${organization}`,
  'active:not': 'false',
  role: `${organizationRole}|${code}`,
})

const practitionerOf = (registry: Registry) => {
  const parameter = registry.searchParameter('PractitionerRole', 'practitioner')
  if (parameter === undefined) throw new Error('PractitionerRole has no search parameter practitioner')
  return parameter
}
