import type { ResourceType } from '@medplum/fhirtypes'
import { print } from '../../search/print.ts'
import type { Search } from '../../search/search.ts'
import type { Gate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { hold } from '../hold.ts'
import { exclusive } from '../lock-keys.ts'
import { mostTurns, takeTurnsOf } from '../model/consent/turn.ts'
import type { Planned } from '../planned.ts'
import type { Write } from '../store.ts'
import { typeWritten } from '../type-written.ts'
import { concernedBy } from './concerned.ts'
import type { Gathered } from './gathered.ts'
import { holdPlaces, lockPlaces } from './lock-places.ts'
import { takeTurnAlone } from './turn-to-join.ts'

type Asking = Parameters<typeof lockPlaces>[1] & Gate & Partial<Pick<Gathered, 'newPatients'>>
type Criteria = Pick<Search, 'type' | 'where'>

/**
 * Takes, in the one order (`lock-order.ts`), the locks that writes will need: so of two transactions that change the same things in whatever order of
 * their entries, one waits for the other, and they never wait for each other. With criteria of the same meaning no other transaction carries out a
 * conditional interaction meanwhile, so that two at once cannot both find nothing.
 */
export const takeTurns = async (
  connection: Connection,
  asking: Asking,
  criteria: readonly Criteria[],
  planned: readonly Planned[] = [],
): Promise<void> => {
  if (planned.some(deletesNeeded)) await takeTurnAlone(connection)
  await takeMeanings(connection, criteria)
  if (planned.some(({ type }) => reaching.has(type))) await takeReachTurn(connection)
  // A single one takes its own in the order in which it comes to them.
  if (planned.length > 1) await holdConcerned(connection, asking, planned)
}

/** Deleted only if nothing needs it, so nobody else writes meanwhile: what they have not committed yet cannot be seen, and it may need just that. */
const deletesNeeded = ({ type, isDeleted }: Planned): boolean => isDeleted === true && needed.has(type)

/** A Group may be that of a study, and a Device a source. */
const needed: ReadonlySet<ResourceType> = new Set(['Organization', 'Practitioner', 'ResearchStudy', 'Group', 'Device'])

const takeMeanings = async (connection: Connection, criteria: readonly Criteria[]): Promise<void> => {
  if (criteria.length > 0)
    await hold(connection, 'meaning', exclusive(criteria.map(({ type, where }) => `${type} ${meaningOf(where)}`)))
}

/** The same text for criteria that are written in another order, or twice. */
const meaningOf = (where: Search['where']): string => {
  if (where.kind !== 'and' && where.kind !== 'or') return print(where)
  return `(${where.kind} ${[...new Set(where.of.map(meaningOf))].sort().join(' ')})`
}

/**
 * One change at a time of who may what. It is taken before it is asked who may: if two managers end each other's role at once, the second is no manager
 * any more; and of two organizations that are moved at once, neither is moved below the other.
 */
const takeReachTurn = (connection: Connection): Promise<void> => hold(connection, 'reach', exclusive(['']))

const reaching: ReadonlySet<ResourceType> = new Set(['Organization', 'PractitionerRole', 'ResearchStudy', 'Group'])

const holdConcerned = async (connection: Connection, asking: Asking, planned: readonly Planned[]): Promise<void> => {
  const { patients, places, studies, changed } = await concernedBy(connection, asking, planned, asking.newPatients)
  // The turns of more are taken as they are needed, since they may become that of everybody.
  const areMany = patients.length > mostTurns
  const held = [
    ...planned.flatMap(({ type, id }) => (id === undefined ? [] : { type, id })),
    ...(areMany ? [] : places.map(id => ({ type: 'ResearchSubject' as const, id }))),
  ]
  if (patients.length > 0 || studies.length > 0) await holdPlaces(connection, asking, held)
  else await lockPlaces(connection, asking, held)
  if (patients.length > 0 && !areMany) await takeTurnsOf(connection, patients)
  await holdStudies(connection, studies, new Set(changed))
}

const holdStudies = async (
  connection: Connection,
  studies: readonly string[],
  changed: ReadonlySet<string>,
): Promise<void> => {
  if (studies.length > 0)
    await hold(connection, 'study', new Map(studies.map(id => [id, changed.has(id) ? 'exclusive' : 'shared'])))
}

/** What is known of a write before it is done. */
export const plannedOf = (write: Write): Planned => ({
  type: typeWritten(write),
  ...('id' in write && write.id !== undefined && { id: write.id }),
  ...('resource' in write && { resource: write.resource }),
  isDeleted: write.kind === 'delete',
})
