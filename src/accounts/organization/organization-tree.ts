import type { Organization } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'
import { fold } from '../../storage/values/string.ts'
import { nameOrder } from './name-order.ts'
import type { Organizer } from './organizer.ts'

/** An Organization in its tree, with those of its parts that are shown. */
export type Branch = { readonly organization: Organization; readonly parts: readonly Branch[] }

export type TreePage = {
  /** Those above which none is shown. */
  readonly roots: readonly Branch[]
  /** How many there are on all pages. */
  readonly total: number
  /** How many pages there are; the first is 1. */
  readonly pages: number
  readonly page: number
  /** Whether there are so many that not all were looked at. */
  readonly areMore: boolean
}

export type TreeAsked = {
  /** A part of the name; empty: all. */
  readonly name: string
  readonly withClosed: boolean
  readonly order: OrganizationOrder
  readonly page: number
}

export type OrganizationOrder = 'name' | 'type' | 'made'

/** A page of all that somebody may see, in the order of the tree: each comes after the one that it is part of, and its parts are in the given order. */
export const findTree = async (
  organizer: Organizer,
  { name, withClosed, order, page }: TreeAsked,
): Promise<TreePage> => {
  const { organizations, areMore } = await findAll(organizer, order)
  const partsOf = Map.groupBy(organizations, one => parentOf(one) ?? '')
  const known = new Set(organizations.map(({ id }) => id))
  const tops = organizations.filter(one => !known.has(parentOf(one)))
  const inOrder = (level: readonly Organization[]): readonly Organization[] =>
    level.flatMap(one => [one, ...inOrder(partsOf.get(one.id ?? '') ?? [])])
  const wanted = inOrder(tops).filter(
    one => (withClosed || one.active !== false) && comparable(one.name).includes(comparable(name)),
  )
  const pages = Math.max(1, Math.ceil(wanted.length / pageSize))
  const shown = Math.min(Math.max(1, page), pages)
  const kept = withAbove(wanted.slice((shown - 1) * pageSize, shown * pageSize), organizations)
  const branches = (level: readonly Organization[]): readonly Branch[] =>
    level
      .filter(one => kept.has(one))
      .map(organization => ({ organization, parts: branches(partsOf.get(organization.id ?? '') ?? []) }))
  return { roots: branches(tops), total: wanted.length, pages, page: shown, areMore }
}

const pageSize = 100
/** All of them are read, so that they can be sorted; some hundreds are usual. */
const mostLookedAt = 5000

/** All that somebody may see. */
export const findAll = async (
  { find }: Organizer,
  order: OrganizationOrder = 'name',
): Promise<{ readonly organizations: readonly Organization[]; readonly areMore: boolean }> => {
  const organizations: Organization[] = []
  for (let cursor: string | undefined; ; ) {
    const { entries, next } = await find<Organization>('Organization', { ...sorts[order], _count: '1000' }, { cursor })
    organizations.push(...entries.map(({ resource }) => resource))
    cursor = next
    if (next === undefined || organizations.length >= mostLookedAt)
      return {
        organizations: order === 'name' ? organizations.toSorted(byName) : organizations,
        areMore: next !== undefined,
      }
  }
}

/**
 * Resources come with the last made first if no order is asked for. By name they are sorted here, since each page of them would sort all by theirs
 * again; they are read in the order of their ids, in which what others are part of was mostly made first.
 */
const sorts: Readonly<Record<OrganizationOrder, Readonly<Record<string, string>>>> = {
  name: { _sort: '_id' },
  type: { _sort: 'type,name' },
  made: {},
}

export const byName = (one: Organization, other: Organization): number =>
  nameOrder(nameOfOrganization(one), nameOfOrganization(other))

/** The id of the Organization that it is part of. */
export const parentOf = ({ partOf }: Organization): string | undefined => namedId(partOf, 'Organization')

/** Its name for people. */
export const nameOfOrganization = ({ id = '', name = '' }: Organization): string => (name === '' ? id : name)

/** The same, with all that they are part of. */
const withAbove = (
  some: readonly Organization[],
  all: readonly Organization[],
): ReadonlySet<Organization | undefined> => {
  const byId = new Map(all.map(one => [one.id, one]))
  const kept = new Set<Organization | undefined>()
  for (const one of some)
    for (let each: Organization | undefined = one; each !== undefined && !kept.has(each); ) {
      kept.add(each)
      each = byId.get(parentOf(each))
    }
  return kept
}

/** The text without case and accents. */
const comparable = (text = ''): string => fold(text).trim()
