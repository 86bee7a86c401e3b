import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import type { Write, Written } from '../store.ts'
import { attempt, isolated } from './savepoint.ts'
import { type Create, candidatesOf, createOne, insertAll, type Writing } from './write.ts'

/**
 * New resources as sets, one for each type. Patients come first: of the others it is asked whose they are. A set in which
 * something is refused for more than the caller's rights is written one by one, to tell which.
 */
export const createAll = async (
  connection: Connection,
  writing: Writing,
  creates: readonly Create[],
): Promise<readonly Written[]> => {
  const outcomes = new Map<Create, Written>()
  for (const set of setsOf(creates)) {
    const written = await createSet(connection, writing, set)
    for (const [index, create] of set.entries()) {
      const outcome = written[index]
      if (outcome !== undefined) outcomes.set(create, outcome)
    }
  }
  return creates.map(create => {
    const outcome = outcomes.get(create)
    if (outcome === undefined) throw new Error('a create without an outcome')
    return outcome
  })
}

/** Whether it can be written among others, in any order but for its Patient: neither its own rights nor what it means to ours ask others. */
export const standsAlone = (write: Write): write is Create =>
  write.kind === 'create' && write.ifNoneExist === undefined && !asksOthers.has(write.resource.resourceType)

/** Those with a rule or a projection of their own; of Observations see `uploadAll`. */
const asksOthers: ReadonlySet<ResourceType> = new Set<ResourceType>([
  'AuditEvent',
  'Binary',
  'Consent',
  'Device',
  'Group',
  'Observation',
  'Organization',
  'Person',
  'Practitioner',
  'PractitionerRole',
  'Provenance',
  'ResearchStudy',
  'ResearchSubject',
  'Subscription',
])

const setsOf = (creates: readonly Create[]): readonly (readonly Create[])[] => {
  const { Patient: patients = [], ...others } = Object.groupBy(creates, ({ resource }) => resource.resourceType)
  return [patients, ...Object.values(others)]
}

const createSet = async (
  connection: Connection,
  writing: Writing,
  creates: readonly Create[],
): Promise<readonly Written[]> => {
  if (creates.length > 1) {
    const set = await attempt(connection, async () =>
      insertAll(connection, writing, await candidatesOf(connection, writing, creates)),
    )
    if ('done' in set) return set.done
  }
  const written: Written[] = []
  for (const create of creates) written.push(await isolated(connection, () => createOne(connection, writing, create)))
  return written
}
