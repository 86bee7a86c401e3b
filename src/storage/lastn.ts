import { type Access, restrict } from '../access/access.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import { compile } from './compile.ts'
import type { Connection } from './database.ts'
import type { LastN } from './figures.ts'
import { storedRow } from './row.ts'
import { name, sql } from './sql.ts'
import type { Stored } from './store.ts'

/** https://hl7.org/fhir/R4/observation-operation-lastn.html: it costs a step in the index for each class, however many rows there are. */
export const lastObservations = async (
  connection: Connection,
  { access, classes }: { readonly access: Access; readonly classes: CodeClasses },
  { where, patients, max }: LastN,
): Promise<readonly Stored[]> => {
  const row = { ...storedRow('Observation', 'row'), facts: name('hot') }
  const rows = await connection.any<Row>(sql.fragment`
    WITH RECURSIVE code (patient_id, code_id) AS (
      SELECT patient.patient_id, (
        SELECT min(code_id) FROM observation_code WHERE observation_code.patient_id = patient.patient_id)
      FROM (SELECT DISTINCT patient_id FROM patient_compartment WHERE id = ANY(${sql.array([...patients], 'text')})) AS patient
      UNION ALL
      SELECT code.patient_id, (
        SELECT min(following.code_id) FROM observation_code AS following
        WHERE following.patient_id = code.patient_id AND following.code_id > code.code_id)
      FROM code WHERE code.code_id IS NOT NULL
    )
    SELECT DISTINCT ON (latest.effective_start, latest.pk)
      latest.id, latest.version, latest.last_updated, latest.patient_id, latest.kind_id, latest.content
    FROM code, LATERAL (
      SELECT hot.effective_start, hot.pk, row.id, row.version, row.last_updated,
        row.patient_id, row.kind_id, row.content::text AS content
      FROM observation_code AS hot
      JOIN observation AS row ON row.patient_id = hot.patient_id AND row.pk = hot.pk
      WHERE hot.patient_id = code.patient_id AND hot.code_id = code.code_id AND hot.component = 0
        AND ${compile(restrict(access, 's', 'Observation', where), row, classes)}
      ORDER BY hot.effective_start DESC, hot.pk DESC
      LIMIT ${max}
    ) AS latest
    ORDER BY latest.effective_start DESC, latest.pk DESC`)
  return rows.map(({ id, version, last_updated, patient_id, kind_id, content }) => ({
    type: 'Observation',
    id,
    versionId: String(version),
    lastUpdated: last_updated,
    content,
    patientId: patient_id,
    kindId: kind_id,
  }))
}

type Row = {
  id: string
  version: number
  last_updated: Date
  patient_id: number
  kind_id: number
  content: string
}
