import type { Gate } from '../compile/gate.ts'
import { isDated } from '../figures/reading.ts'
import { isCovered, isPermitInForce } from '../model/relation/consented.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import { measuredTime } from './measured-time.ts'
import { visible } from './study-states.ts'

/**
 * The newest reading that the Consent of the row `one` of `care_consent` opens. It is looked for by the codes of the kinds that are given: who shares
 * their weight may have a million heart rates since.
 */
export const newestGiven = (gate: Gate): SqlFragment => sql.fragment`
  SELECT ${measuredTime(name('latest', 'effective_start'), name('latest', 'is_dated'))} AS measured, latest.kind_id
  FROM (
    SELECT code_class.code_id FROM kind JOIN code_class ON code_class.key = ANY(kind.key || ARRAY(
      SELECT narrower.class FROM jsonb_to_recordset(${narrowerClasses(gate)}::jsonb) AS narrower(kind text, class text)
      WHERE narrower.kind = kind.key))
    WHERE kind.kind_id IN (
      SELECT given.kind_id FROM study_group_observation_consents AS given
      WHERE given.patient_id = one.patient_id AND given.consent_id = one.consent_id AND ${isPermitInForce('s')})) AS code
  CROSS JOIN LATERAL (
    SELECT row.effective_start, row.kind_id, ${isDated('row')} AS is_dated
    FROM observation_code AS hot JOIN observation AS row ON row.patient_id = hot.patient_id AND row.pk = hot.pk
    WHERE hot.patient_id = one.patient_id AND hot.code_id = code.code_id AND hot.component = 0
      AND hot.effective_start > '-infinity' AND hot.effective_start <= now() + interval '1 day'
      AND ${isCovered(sql.fragment`given.consent_id = one.consent_id AND ${isPermitInForce('s')}`, name('row'))}
      AND (SELECT ${visible(gate, 'Observation')})
    ORDER BY hot.effective_start DESC, hot.pk DESC LIMIT 1) AS latest
  ORDER BY latest.effective_start DESC LIMIT 1`

/** As JSON, the classes of the narrower codes that a kind includes. */
const narrowerClasses = ({ classes }: Gate): string =>
  JSON.stringify(
    classes
      .kinds()
      .flatMap(({ key, narrower }) =>
        narrower.map(({ system, code }) => ({ kind: key, class: classes.classOf(system, code) })),
      ),
  )
