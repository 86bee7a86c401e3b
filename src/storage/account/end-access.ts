import { revokeGrants } from '../authorization/authorization-grant.ts'
import { revokeTokensOfPerson } from '../authorization/issued-token.ts'
import type { Connection } from '../database.ts'
import { dropEmailChange } from './email-change.ts'
import { dropLinks } from './link.ts'
import { endSessions } from './session.ts'

/** Of a Person who is deleted, or not active any more: whoever acts as them is out, and comes back by nothing that was there before. */
export const endAccess = async (connection: Connection, person: string): Promise<void> => {
  await dropLinks(connection, person)
  await dropEmailChange(connection, person)
  await endSessions(connection, person)
  await revokeGrants(connection, { person })
  await revokeTokensOfPerson(connection, person)
}
