import type { ContactPoint } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import type { Connection } from '../database.ts'
import { addressesOf } from '../model/patient-address.ts'
import { columnOf, type SqlFragment, sql } from '../sql.ts'

type Told = {
  readonly study: string
  readonly kind: 'study-ended' | 'study-resumed'
  /** When it ended. */
  readonly since?: Date
  /** Which of them, by the Consent of the row `given` of `consent_grantee` and the Patient of the row `record`. */
  readonly whom: SqlFragment
}

/** Writes to those with a Consent to the study that is active, at the address at which they would be invited. */
export const tellSharers = async (connection: Connection, told: Told): Promise<void> => {
  let last: string | undefined = ''
  while (last !== undefined) last = await tellSome(connection, told, last)
}

/** Answers the last of them, in the order of their Consents; undefined if there is nobody more. */
const tellSome = async (
  connection: Connection,
  { study, kind, since, whom }: Told,
  after: string,
): Promise<string | undefined> => {
  const sharers = await connection.any<Sharer>(sql.fragment`
    SELECT given.consent_id AS consent, record.id AS patient, record.content -> 'telecom' AS telecom
    FROM consent_grantee AS given
    JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
    JOIN patient AS record ON record.patient_id = given.patient_id
      AND record.id = referenced_id(consent.content -> 'patient', 'Patient')
    WHERE given.grantee = (SELECT grantee FROM study WHERE id = ${study}) AND given.consent_id > ${after}
      AND consent.content ->> 'status' = 'active' AND ${whom}
    ORDER BY given.consent_id LIMIT ${atOnce}`)
  const reached = sharers.flatMap(({ patient, telecom }) => {
    const [address] = addressesOf({ resourceType: 'Patient', telecom: telecom ?? [] })
    return address === undefined ? [] : [{ patient, ...address }]
  })
  await connection.run(sql.fragment`
    INSERT INTO study_message (id, kind, patient, study_id, since, to_many, channel, address)
    SELECT told.id, ${kind}, told.patient, ${study}, ${since?.toISOString() ?? null}, TRUE, told.channel, told.address
    FROM unnest(${columnOf(reached, () => uuidv7(), 'text')}, ${columnOf(reached, ({ patient }) => patient, 'text')},
      ${columnOf(reached, ({ channel }) => channel, 'text')}, ${columnOf(reached, ({ address }) => address, 'text')})
      AS told(id, patient, channel, address)`)
  return sharers.length < atOnce ? undefined : sharers.at(-1)?.consent
}

type Sharer = { readonly consent: string; readonly patient: string; readonly telecom: ContactPoint[] | null }

const atOnce = 1000
