import { createHash } from 'node:crypto'
import type { Observation, Resource } from '@medplum/fhirtypes'
import { systems } from '../../fhir/canonical.ts'
import { parseJson } from '../../fhir/json.ts'
import type { Action } from '../../search/expression.ts'
import { passesGate } from '../compile/gate.ts'
import { findCurrent } from '../current.ts'
import type { Connection } from '../database.ts'
import { referencedId } from '../model/reference.ts'
import { type Candidate, entryRow, entryTables } from '../prepare/candidate.ts'
import { subjectsOf } from '../prepare/subject.ts'
import { sql } from '../sql.ts'
import type { RefusedUpload } from '../store.ts'
import { creatableAmong } from '../upload/upload-rights.ts'
import { fromSources, reachedStudies, sharedNow, sharings } from '../upload/validation-policies.ts'
import { areMet } from '../write/conditions.ts'
import { numberAllowed } from '../write/number-allowed.ts'
import { candidatesOf, type Writing } from '../write/write.ts'
import type { UpdateAsked } from './refused-upload.ts'

/** A document that was refused, with whose it is and where it came from. */
export type Placed = RefusedUpload & {
  /** With the source that it names. */
  readonly face: Observation
  /** The same for the same bytes, source and patient. */
  readonly place: string
  readonly pk: string
  readonly patient: string
  readonly patientId: number
  /** 0 if its kind cannot be told. */
  readonly kindId: number
  readonly deviceId: number
  readonly source: string
  readonly organization: string
  readonly studies: readonly string[]
  readonly digest: string
  /** For an update: the version that it was to change. */
  readonly version: string | undefined
}

type PlacedRow = Pick<Placed, 'pk' | 'patient' | 'source' | 'organization' | 'studies'> & {
  readonly creatable: boolean
  readonly updatable: boolean
}

/** Undefined for what the sender may not write, as far as it is known what it is. */
export const placedDocuments = async (
  connection: Connection,
  writing: Writing,
  refused: readonly RefusedUpload[],
): Promise<readonly (Placed | undefined)[]> => {
  const faces = await fromSources(connection, refused)
  const prepared = await candidatesOf(
    connection,
    writing,
    faces.map(resource => ({ resource })),
  )
  // Those that get no numbers either have no kind of their own, or their sender may not write them.
  const creatable = await numberAllowed(connection, writing, prepared, 'c')
  const candidates = await numberAllowed(connection, writing, creatable, 'u')
  const rows = await rowsOf(connection, writing, candidates)
  const senders = await sendersOfAnything(
    connection,
    writing,
    candidates.filter(({ facts, pk }) => facts?.kindId === 0 && rows.get(pk)?.creatable === false),
  )
  const placed: (Placed | undefined)[] = []
  for (const [index, candidate] of candidates.entries()) {
    const { pk, patientId, facts } = candidate
    const [row, upload, face] = [rows.get(pk), refused[index], faces[index]]
    if (row === undefined || upload === undefined || face === undefined) {
      placed.push(undefined)
      continue
    }
    const { creatable, updatable, ...where } = row
    const may = { c: creatable || senders.has(pk), u: updatable }
    const version = await versionMeant(connection, writing, candidate, upload.update, may)
    const { kindId = 0, deviceId = 0 } = facts ?? {}
    const digest = digestOf(upload)
    const place = `${row.patient}/${row.source}/${digest}`
    placed.push(
      version === 'not-theirs'
        ? undefined
        : { ...upload, ...where, face, place, patientId, kindId, deviceId, digest, version },
    )
  }
  return placed
}

const digestOf = ({ sent, update }: RefusedUpload): string =>
  createHash('sha256')
    .update(update === undefined ? sent : `PUT ${update.id ?? ''}\n${sent}`)
    .digest('hex')

/** By pk, for those that belong to a patient. The studies are those with which its kind is shared or, if it has no kind, anything at all. */
const rowsOf = async (
  connection: Connection,
  writing: Writing,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, PlacedRow>> => {
  const patient = referencedId(sql.fragment`entry`, 'subject', 'Patient')
  const may = (action: Action) => passesGate(writing, action, 'Observation', entryRow('Observation'))
  const rows = await connection.any<PlacedRow>(sql.fragment`
    WITH ${entryTables(candidates)}
    SELECT entry.pk, ${patient} AS patient, coalesce(device_source.id, '') AS source,
      coalesce(record.owner, '') AS organization,
      ARRAY(
        SELECT study.id ${sharings} WHERE ${sharedNow}
        UNION
        SELECT study.id FROM study_group_observation_consents AS given ${reachedStudies}
        WHERE entry.kind_id = 0 AND ${sharedNow}) AS studies,
      coalesce(${may('c')}, FALSE) AS creatable, coalesce(${may('u')}, FALSE) AS updatable
    FROM entry
    LEFT JOIN patient AS record ON record.patient_id = entry.patient_id AND record.id = ${patient}
    LEFT JOIN device_source ON device_source.device_id = entry.device_id
    WHERE entry.patient_id <> 0 AND ${patient} IS NOT NULL`)
  return new Map(rows.map(row => [row.pk, row]))
}

/**
 * If it cannot be told of which kind a document is, it is accepted from whoever may create an Observation of this patient, from this device, of one
 * of the kinds that the patient shares now. By pk.
 */
const sendersOfAnything = async (
  connection: Connection,
  writing: Writing,
  candidates: readonly Candidate[],
): Promise<ReadonlySet<string>> => {
  if (candidates.length === 0) return new Set()
  const patientIds = sql.array([...new Set(candidates.map(({ patientId }) => patientId))], 'int4')
  const shared = await connection.any<{ patientId: number; kind: string }>(sql.fragment`
    SELECT DISTINCT given.patient_id AS "patientId", kind.key AS kind
    FROM study_group_observation_consents AS given JOIN kind USING (kind_id)
    WHERE given.patient_id = ANY(${patientIds}) AND given.consented AND now() >= given.valid_from AND now() < given.valid_to`)
  const places = [...Map.groupBy(candidates, placeOf).entries()]
  const tried = places.flatMap(([place, [first]]) =>
    shared
      .filter(({ patientId }) => patientId === first?.patientId)
      .map(({ kind }) => ({ place, resource: ofKind(kind, first?.resource as Observation) })),
  )
  const asked = await candidatesOf(connection, writing, tried)
  const creatable = await creatableAmong(
    connection,
    writing,
    asked.map(candidate => ({ candidate, current: undefined })),
  )
  const open = new Set(asked.flatMap(({ pk }, index) => (creatable.has(pk) ? (tried[index]?.place ?? []) : [])))
  return new Set(candidates.filter(one => open.has(placeOf(one))).map(({ pk }) => pk))
}

const placeOf = ({ resource }: Candidate): string => {
  const { subject, device } = resource as Observation
  return JSON.stringify([subject?.reference, device?.reference])
}

const ofKind = (kind: string, { subject, device }: Observation): Observation => ({
  resourceType: 'Observation',
  status: 'unknown',
  code: { coding: [{ system: systems.omh, code: kind }] },
  ...(subject && { subject }),
  ...(device && { device }),
})

/** The version that an update is to change; undefined if there is none. */
const versionMeant = async (
  connection: Connection,
  writing: Writing,
  candidate: Candidate,
  update: UpdateAsked | undefined,
  may: { readonly c: boolean; readonly u: boolean },
): Promise<string | undefined | 'not-theirs'> => {
  if (update?.id === undefined) return may.c ? undefined : 'not-theirs'
  const { id, ifMatch } = update
  const current = await findCurrent(connection, writing, 'Observation', id, 'u')
  if (current === undefined) return may.c && writing.choosesIds && ifMatch === undefined ? undefined : 'not-theirs'
  const { patientId, versionId, content } = current
  const before = subjectsOf(writing.registry, parseJson(content) as Resource)
  const isSame =
    candidate.patientId === patientId &&
    subjectsOf(writing.registry, candidate.resource).every(one => before.includes(one))
  return may.u && isSame && areMet(current, update) ? versionId : 'not-theirs'
}
