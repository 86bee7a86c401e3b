import { revokeGrants } from '../authorization/authorization-grant.ts'
import { revokeTokensOfPerson } from '../authorization/issued-token.ts'
import type { Connection } from '../database.ts'
import { dropEmailChange } from './email-change.ts'
import { dropLinks } from './link.ts'
import { endSessions } from './session.ts'

/** For a Person who is deleted, or no longer active: whoever acts as them loses access, and gets it back by nothing that they had before. */
export const endAccess = async (connection: Connection, person: string): Promise<void> => {
  await dropLinks(connection, person)
  await dropEmailChange(connection, person)
  await endSessions(connection, person)
  await revokeGrants(connection, { person })
  await revokeTokensOfPerson(connection, person)
}
