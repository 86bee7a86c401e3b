import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import type { Write, Written } from '../store.ts'
import { attempt, isolated } from './savepoint.ts'
import { type Create, createOne, insertNew, type Writing } from './write.ts'

/**
 * Creates resources as sets, one for each type. Patients come first, since the others may belong to them. If something in a set is refused
 * for another reason than the caller's rights, the set is written one by one, to find out which.
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

/** Whether it can be written in a set, in any order but after its Patient: neither its rights nor its meaning depend on other resources. */
export const standsAlone = (write: Write): write is Create =>
  write.kind === 'create' && write.ifNoneExist === undefined && !asksOthers.has(write.resource.resourceType)

/** The types with a rule or a projection of their own; for Observations see `uploadAll`. */
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
    const set = await attempt(connection, () => insertNew(connection, writing, creates))
    if ('done' in set) return set.done
  }
  const written: Written[] = []
  for (const create of creates) written.push(await isolated(connection, () => createOne(connection, writing, create)))
  return written
}
