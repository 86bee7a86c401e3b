import type { Group, Organization, Reference, ResearchStudy } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Group.type and Group.actual of a study's people. */
const people = { type: 'person', actual: true } as const

export type Paired = { readonly study: ResearchStudy; readonly group: Group }

type Ids = { readonly study: string; readonly group: string }

/**
 * A study and its Group, made together from whichever of the two is created. Undefined if it names no organization: then it stays alone,
 * and is no study of this server.
 */
export const pairOf = (one: ResearchStudy | Group, ids: Ids): Paired | undefined =>
  one.resourceType === 'Group' ? pairOfGroup(one, ids) : pairOfStudy(one, ids)

const pairOfStudy = (study: ResearchStudy, ids: Ids): Paired | undefined => {
  const { sponsor } = study
  if (!isOrganization(sponsor) || study.enrollment !== undefined) return undefined
  return {
    study: { ...study, id: ids.study, enrollment: [{ reference: `Group/${ids.group}` }] },
    group: {
      resourceType: 'Group',
      id: ids.group,
      ...people,
      active: true,
      ...(study.title === undefined ? {} : { name: study.title }),
      managingEntity: sponsor,
    },
  }
}

const pairOfGroup = (group: Group, ids: Ids): Paired | undefined => {
  const { type, actual, managingEntity, member, name, active } = group
  if (type !== people.type || actual !== people.actual || member !== undefined) return undefined
  if (!isOrganization(managingEntity)) return undefined
  return {
    study: {
      resourceType: 'ResearchStudy',
      id: ids.study,
      status: active === false ? 'closed-to-accrual' : 'active',
      ...(name === undefined ? {} : { title: name }),
      sponsor: managingEntity,
      enrollment: [{ reference: `Group/${ids.group}` }],
    },
    group: { ...group, id: ids.group },
  }
}

/** The resource as it is stored: a study's Group has members when it is served, which may be sent back, but none are stored. */
export const withoutServedMembers = async (connection: Connection, group: Group, id: string): Promise<Group> => {
  if (group.member === undefined) return group
  const study = await connection.maybeOne(sql.fragment`SELECT FROM study WHERE group_id = ${id}`)
  const { member: _, ...rest } = group
  return study === undefined ? group : rest
}

const isOrganization = (reference: Reference | undefined): reference is Reference<Organization> =>
  reference?.reference?.startsWith('Organization/') ?? false
