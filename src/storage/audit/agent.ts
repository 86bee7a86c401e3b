import type { Caller } from '../../access/caller.ts'
import { whoIs } from '../../access/rules/rule.ts'
import type { AuditDoor } from './door.ts'
import type { AuditAgent } from './record.ts'

/** A caller as the record names them. */
export const agentOf = (caller: Caller, door: AuditDoor = {}): AuditAgent => {
  const { person, practitioner, client, study, patient } = caller
  const isPatient = whoIs(caller).kind === 'patient'
  return {
    ...door,
    client: client.id,
    ...(person === undefined ? {} : { person: person.id }),
    ...(practitioner === undefined ? {} : { practitioner }),
    ...(isPatient && patient !== undefined ? { patient } : {}),
    ...(study === undefined ? {} : { study }),
  }
}
