import type { Connection } from '../database.ts'
import { holdBesideJoinings } from '../other-joining.ts'
import { sql } from '../sql.ts'

/** Until the transaction ends, no other invitation links a Patient or a Practitioner to the account, so that what was found out about it still holds. */
export const holdAccount = (connection: Connection, person: string): Promise<void> =>
  holdBesideJoinings(connection, sql.fragment`hashtext('patients of'), hashtext(${person})`, beingAccepted)

/** Until the transaction ends, nobody else can make the Patient theirs. */
export const holdPatient = (connection: Connection, patient: string): Promise<void> =>
  holdBesideJoinings(connection, sql.fragment`hashtext('account of'), hashtext(${patient})`, beingAccepted)

const beingAccepted = 'An invitation is being accepted by another request; try again'
