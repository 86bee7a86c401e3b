import type { Device, Resource } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import { findCurrent } from '../current.ts'
import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { columnOf, sql } from '../sql.ts'
import type { Write } from '../store.ts'
import { typeWritten } from '../type-written.ts'
import type { Writing } from './write.ts'

/**
 * Whether one of the writes gives a Device another parent than it has. To be asked before any of them is locked: whoever waits for one of them, to change
 * it as well, would keep its writer from the turn that this takes.
 */
export const changesParent = async (
  connection: Connection,
  writing: Writing,
  writes: readonly Write[],
): Promise<boolean> => {
  const devices: Device[] = []
  // Among uploads there is mostly none.
  for (const write of writes.filter(one => typeWritten(one) === 'Device'))
    devices.push(...(await deviceOf(connection, writing, write)))
  if (devices.length === 0) return false
  const found = await connection.maybeOne(sql.fragment`
    SELECT FROM unnest(
      ${columnOf(devices, ({ id = '' }) => id, 'text')},
      ${columnOf(devices, ({ parent }) => parent?.reference ?? null, 'text')}) AS asked(id, parent)
    JOIN resource_identity AS identity ON identity.type_id = ${typeIdOf('Device')} AND identity.id = asked.id
    JOIN device AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
    WHERE row.patient_id <> 0 AND row.content #>> '{parent,reference}' IS DISTINCT FROM asked.parent LIMIT 1`)
  return found !== undefined
}

/** What the Device will be. */
const deviceOf = async (connection: Connection, writing: Writing, write: Write): Promise<readonly Device[]> => {
  if (write.kind === 'update')
    return write.resource.resourceType === 'Device' ? [{ ...write.resource, id: write.id }] : []
  if (write.kind !== 'patch') return []
  const current = await findCurrent(connection, writing, 'Device', write.id, 'u')
  if (current === undefined) return []
  const changed = await patched(() => write.change(parseJson(current.content) as Resource))
  return changed?.resourceType === 'Device' ? [{ ...changed, id: write.id }] : []
}

/** A patch that does not fit is refused when its turn comes. */
const patched = async (change: () => Resource | Promise<Resource>): Promise<Resource | undefined> => {
  try {
    return await change()
  } catch (error) {
    if (error instanceof FhirError) return undefined
    throw error
  }
}
