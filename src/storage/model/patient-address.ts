import type { Patient } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { toAddress } from '../user-account.ts'
import type { Projection } from './projection.ts'

/** Where a patient is written to: the first e-mail address of the record that is not an old one. */
export const addressOf = ({ telecom = [] }: Patient): string | undefined => {
  const [first] = telecom.filter(({ system, use, value }) => system === 'email' && use !== 'old' && value !== undefined)
  return first?.value === undefined ? undefined : toAddress(first.value)
}

/** Whoever reads the mail of another address than the present one comes in by no link. */
export const projectPatients: Projection<Patient> = async (connection, changes) => {
  for (const { id, versionId, resource } of changes)
    if (versionId !== '1') await endOfOtherAddress(connection, id, resource && addressOf(resource))
}

const endOfOtherAddress = async (connection: Connection, patient: string, email: string | undefined) => {
  await connection.run(sql.fragment`
    UPDATE invitation SET ended_at = now(), ended_by = 'address'
    WHERE patient = ${patient} AND ended_at IS NULL AND email IS DISTINCT FROM ${email ?? null}`)
}
