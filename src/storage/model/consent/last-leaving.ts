import type { ResearchSubject } from '@medplum/fhirtypes'
import { intervalOfPeriod } from '../../../fhir/date.ts'
import { namedId } from '../../../fhir/reference.ts'
import type { Connection } from '../../database.ts'
import { type SqlFragment, sql } from '../../sql.ts'
import { ended } from '../enrolled.ts'

/**
 * When somebody who is in the study was last without a place in it after they had had one; undefined if they never were. It makes no difference
 * whether they left or were taken out, or whether their place was deleted or its period ended. Of somebody who is out of it nothing is told:
 * what they give opens nothing, and they do not come back as long as they give it.
 */
export const findLastLeaving = async (
  connection: Connection,
  patientId: SqlFragment,
  study: string,
): Promise<Date | undefined> => {
  const versions = await connection.any<Version>(sql.fragment`
    SELECT pk, last_updated AS "storedAt", lead(last_updated) OVER (PARTITION BY pk ORDER BY version) AS "followedAt",
      content AS subject
    FROM (
      SELECT pk, version, last_updated, content FROM research_subject WHERE patient_id = ${patientId}
      UNION ALL
      SELECT pk, version, last_updated, content FROM research_subject_history WHERE patient_id = ${patientId}
    ) AS version
    ORDER BY pk, version`)
  const places = [...Map.groupBy(versions, ({ pk }) => pk).values()]
  const stays = places.flatMap(place => staysOf(place.filter(({ subject }) => isOf(subject, study))))
  const isIn = (moment: number): boolean => stays.some(({ from, to }) => from <= moment && moment < to)
  // Another server, whose clock is ahead, may have written some of it.
  const now = Math.max(Date.now(), ...versions.map(({ storedAt }) => storedAt.getTime()))
  const leavings = stays.map(({ to }) => to).filter(end => end <= now && !isIn(end))
  return leavings.length === 0 || !isIn(now) ? undefined : new Date(Math.max(...leavings))
}

/** `subject`: null if it was deleted. */
type Version = {
  readonly pk: string
  readonly storedAt: Date
  readonly followedAt: Date | null
  readonly subject: ResearchSubject | null
}

const isOf = (subject: ResearchSubject | null, study: string): boolean =>
  namedId(subject?.study, 'ResearchStudy') === study

/** From when to when they were in the study. A place that was first stored as over ended before, when its period did. */
const staysOf = (versions: readonly Version[]): readonly { readonly from: number; readonly to: number }[] =>
  versions.flatMap(({ storedAt, followedAt, subject }, index) => {
    const isOver = ended.has(subject?.status ?? '')
    if (isOver && index > 0) return []
    const from = storedAt.getTime()
    const stored = isOver ? from : (followedAt?.getTime() ?? Number.POSITIVE_INFINITY)
    const { high } = intervalOfPeriod(subject?.period ?? {})
    return { from, to: Math.min(stored, high === 'infinity' ? stored : Date.parse(high)) }
  })
