import type { Patient } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { type Address, addressesOf } from '../model/patient-address.ts'
import { sql } from '../sql.ts'

/**
 * Until the transaction ends, the patient's record keeps these addresses: a change that comes later ends what is sent to them. Throws FhirError if
 * one of them is not theirs any more, since nobody would end what is sent there from now on.
 */
export const holdAddresses = async (
  connection: Connection,
  patient: string,
  addresses: readonly Address[],
): Promise<void> => {
  const record = await connection.maybeOne<{ content: Patient }>(sql.fragment`
    SELECT record.content FROM patient_compartment AS compartment
    JOIN patient AS record ON record.patient_id = compartment.patient_id AND record.id = compartment.id
    WHERE compartment.id = ${patient} FOR SHARE OF record`)
  const own = record === undefined ? [] : addressesOf(record.content)
  const isOwn = ({ channel, address }: Address) => own.some(one => one.channel === channel && one.address === address)
  if (!addresses.every(isOwn))
    throw new FhirError('business-rule', 'The record of this patient was changed at the same moment: do it once more')
}
