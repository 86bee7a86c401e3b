import type { Organization, ResearchStudy } from '@medplum/fhirtypes'
import { organizationRole } from '../../access/vocabulary.ts'
import { byName } from './organization-tree.ts'
import type { Organizer } from './organizer.ts'

/** What depends on an organization, as far as somebody may see it. */
export type OrganizationFacts = {
  /** The first of its own parts, by name. */
  readonly parts: readonly Organization[]
  readonly areMoreParts: boolean
  /** How many of its parts are not closed. */
  readonly openParts: number
  /** How many roles people have in it itself. */
  readonly people: number
  /** The first of its own studies, by title. */
  readonly studies: readonly ResearchStudy[]
  readonly areMoreStudies: boolean
  /** How many of them are neither finished nor abandoned. */
  readonly runningStudies: number
}

export const findFacts = async ({ find }: Organizer, id: string): Promise<OrganizationFacts> => {
  const named = `Organization/${id}`
  const count = { _count: '0', _total: 'accurate' }
  const [parts, openParts, people, studies, running] = await Promise.all([
    find<Organization>('Organization', { partof: named, _sort: 'name', _count: String(most) }),
    find('Organization', { partof: named, 'active:not': 'false', ...count }),
    find('PractitionerRole', { organization: named, 'active:not': 'false', role: `${organizationRole}|`, ...count }),
    find<ResearchStudy>('ResearchStudy', { sponsor: named, _sort: 'title', _count: String(most) }),
    find('ResearchStudy', { sponsor: named, 'status:not': over.join(','), ...count }),
  ])
  return {
    parts: parts.entries.map(({ resource }) => resource).toSorted(byName),
    areMoreParts: parts.next !== undefined,
    openParts: openParts.total ?? 0,
    people: people.total ?? 0,
    studies: studies.entries.map(({ resource }) => resource),
    areMoreStudies: studies.next !== undefined,
    runningStudies: running.total ?? 0,
  }
}

const most = 50

/** https://hl7.org/fhir/R4/valueset-research-study-status.html: what is only closed to new patients and interventions is still read. */
const over = ['administratively-completed', 'completed', 'disapproved', 'withdrawn']
