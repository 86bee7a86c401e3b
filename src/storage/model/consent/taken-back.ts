import type { Consent } from '@medplum/fhirtypes'
import { isCoveredBy, type Permit } from '../../../access/consent-permit.ts'
import { FhirError } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import type { Projected } from '../projection.ts'
import { isSignedAfter } from './signing-time.ts'

type Widened = {
  readonly consent: Consent
  /** The permits that the version before did not give. */
  readonly anew: readonly Permit[]
  readonly permitsOf: (consent: Consent) => Promise<readonly Permit[]>
}

/**
 * What the patient has taken back from a Consent that goes on comes back only by what they sign after that, so that an app that has kept an earlier
 * version and sends it again does not undo it. What was never given before does not matter here.
 */
export const refuseTakenBack = async (
  connection: Connection,
  { patientId, pk }: Pick<Projected<Consent>, 'patientId' | 'pk'>,
  { consent, anew, permitsOf }: Widened,
): Promise<void> => {
  if (anew.length === 0) return
  const versions = await versionsSince(connection, { patientId, pk, consent })
  for (const { until, isOfSameTime, consent: before } of versions) {
    const isKnownLater = isSignedAfter(consent.dateTime, until.toISOString()) && !isOfSameTime
    const given = isKnownLater ? [] : await permitsOf(before)
    if (given.some(other => anew.some(one => isCoveredBy(one, other)))) throw takenBack(until)
  }
  if (versions.length === mostVersions) throw tooMany()
}

const takenBack = (at: Date): FhirError =>
  new FhirError(
    'business-rule',
    `Some of this was given before and taken back at ${at.toISOString()}; only what was signed after that, as Consent.dateTime tells, gives it again`,
    { expression: 'Consent.dateTime' },
  )

/** Something may have been taken back in versions that were not looked through. */
const tooMany = (): FhirError =>
  new FhirError(
    'business-rule',
    `At least ${mostVersions} versions of this Consent stood since it was signed, and some of this may have been taken back in others; only what is signed now, as Consent.dateTime tells, gives more`,
    { expression: 'Consent.dateTime' },
  )

/** `until`: when the one after it was stored. */
type Version = { readonly until: Date; readonly consent: Consent; readonly isOfSameTime: boolean }
type Asked = Pick<Projected<Consent>, 'patientId' | 'pk'> & Pick<Widened, 'consent'>

/** The active versions before the current one, newest first, that stood when it was signed or later, or that have the very same time of signing. */
const versionsSince = (
  connection: Connection,
  { patientId, pk, consent: { dateTime } }: Asked,
): Promise<readonly Version[]> => {
  const signed = sql.fragment`fhir_time_low(${dateTime === undefined ? null : JSON.stringify(dateTime)}::jsonb)`
  return connection.any<Version>(sql.fragment`
    WITH active AS (
      SELECT version, content, lead(last_updated) OVER (ORDER BY version) AS until,
        coalesce(fhir_time_low(content -> 'dateTime') = ${signed}, FALSE) AS "isOfSameTime"
      FROM consent_history
      WHERE patient_id = ${patientId} AND pk = ${pk} AND content ->> 'status' = 'active'
    )
    SELECT until, content AS consent, "isOfSameTime" FROM active
    WHERE until IS NOT NULL AND ("isOfSameTime" OR until >= coalesce(${signed}, '-infinity'))
    ORDER BY version DESC LIMIT ${mostVersions}`)
}

/** An app may have written thousands of versions. */
const mostVersions = 1000
