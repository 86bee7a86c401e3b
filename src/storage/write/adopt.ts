import type { Practitioner, PractitionerRole } from '@medplum/fhirtypes'
import { fullAccess } from '../../access/access.ts'
import { parseJson } from '../../fhir/json.ts'
import { namedId } from '../../fhir/reference.ts'
import { findCurrent, lockPlace } from '../current.ts'
import type { Connection } from '../database.ts'
import { replace } from './change.ts'
import type { Writing } from './write.ts'

/**
 * A Practitioner that an administrator made without an organization belongs to that of its first role, if an administrator gives that: from
 * then on the managers of that organization edit it. A role that a manager gives makes no Practitioner their own.
 */
export const adoptPractitioner = async (
  connection: Connection,
  writing: Writing,
  role: PractitionerRole,
): Promise<void> => {
  // An import changes nothing of what it brings.
  if (!writing.choosesOwner || writing.choosesIds) return
  const id = namedId(role.practitioner, 'Practitioner')
  const owner = namedId(role.organization, 'Organization')
  if (id === undefined || owner === undefined) return
  const unlimited = { ...writing, access: fullAccess }
  if ((await lockPlace(connection, unlimited, 'Practitioner', id)) === undefined) return
  const current = await findCurrent(connection, unlimited, 'Practitioner', id, 'r')
  if (current === undefined || current.owner !== null) return
  await replace(connection, unlimited, { ...current, owner }, parseJson(current.content) as Practitioner)
}
