import { parseJson } from '../../fhir/json.ts'
import type { Asking } from '../current.ts'
import type { Connection } from '../database.ts'
import { numberAll, type Preparing, prepare } from '../prepare/prepare.ts'
import type { Quarantined, SentDocument } from './quarantine-asked.ts'

/** What it says. Undefined once it is settled, and if it has no kind, since then it is unclear what it is, or whose. */
export const saidBy = async (
  connection: Connection,
  reading: Asking & Preparing,
  row: FaceRow,
): Promise<SentDocument | undefined> => {
  const { sent, face, issues, patient, patientId, firstAt } = row
  if (sent === null || face === null || issues === null) return undefined
  const prepared = await prepare(connection, reading, [draftOf(row, face)], firstAt)
  const [candidate] = await numberAll(connection, reading, prepared)
  const { kindId = 0 } = candidate?.facts ?? {}
  return kindId === 0 ? undefined : { sent, issues: JSON.parse(issues), patient, patientId, kindId }
}

/** What is asked about as if it were an Observation. All but the key and the patient are gone once it is settled. */
export type FaceRow = Pick<Quarantined, 'id' | 'firstAt'> & {
  readonly pk: string
  readonly sent: string | null
  readonly face: string | null
  readonly issues: string | null
  readonly patient: string
  readonly patientId: number
}

/** A row as it is shown to anybody, without what is asked about. */
export const apart = <Row extends FaceRow>(row: Row) => {
  const { pk, sent, face, issues, patient, patientId, ...shown } = row
  const { id, firstAt } = row
  const kept: FaceRow = { id, firstAt, pk, sent, face, issues, patient, patientId }
  return { shown, kept }
}

/** As if it were an Observation that was written at that moment. */
export const versionOf = ({ id, pk, patientId, firstAt: lastUpdated, face: content }: FaceRow) => ({
  id,
  pk,
  patientId,
  lastUpdated,
  content,
  version: 1,
  owner: null,
  author: 0,
})

const draftOf = ({ id, pk, firstAt }: FaceRow, face: string) => ({
  resource: parseJson(face) as Parameters<typeof prepare>[2][number]['resource'],
  id,
  pk,
  version: 1,
  owner: null,
  author: 0,
  lastUpdated: firstAt,
})
