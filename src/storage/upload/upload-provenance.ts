import { hash } from 'node:crypto'
import type { Observation, Provenance, Resource } from '@medplum/fhirtypes'
import { canonicalBase, systems } from '../../fhir/canonical.ts'
import { inSteps } from '../../fhir/give-way.ts'
import { uploadProvenance } from '../current.ts'
import type { Connection } from '../database.ts'
import { indexRows } from '../prepare/index-rows.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { Write, Written } from '../store.ts'
import { changes } from '../write/changes.ts'
import { findSelf } from '../write/self.ts'
import type { Upload, Writing } from '../write/write.ts'

/**
 * CTEs that write a Provenance for each Patient of whom the upload stored something, for a statement in the transaction of its writes. If an upload is
 * committed in several parts, all are added to the same Provenance. Its targets are kept beside it (`upload_target`), so that every reader is shown
 * only those Observations that they may read.
 */
export const uploadProvenances = async (
  connection: Connection,
  writing: Writing,
  writes: readonly Write[],
  written: readonly Written[],
): Promise<readonly SqlFragment[]> => {
  const { upload } = writing
  const brought = upload === undefined ? [] : writes.flatMap((write, index) => broughtBy(write, written[index]))
  if (upload === undefined || brought.length === 0) return []
  const byPatient = Map.groupBy(brought, ({ patient }) => patient)
  const now = new Date()
  const rows = []
  for (const [patient, of] of byPatient) {
    const who = await whoSent(connection, writing, patient)
    const resource = provenanceOf(upload, { patient, who, recorded: now.toISOString() })
    const { tokens, dates } = await inSteps(indexRows(writing.registry, resource as Resource))
    rows.push({
      patient_id: of[0]?.patientId,
      pk: await pkOf(writing, upload, patient),
      id: resource.id,
      tokens: tokens.map(String),
      dates,
      content: resource,
      observations: of.map(({ pk }) => pk),
    })
  }
  return [
    sql.fragment`sent AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS sent(patient_id integer, pk bigint, id text, tokens bigint[],
        dates jsonb, content jsonb, observations bigint[])
    )`,
    sql.fragment`identity AS (
      INSERT INTO resource_identity (type_id, id, patient_id, pk)
      SELECT ${writing.typeId('Provenance')}, id, patient_id, pk FROM sent
      ON CONFLICT DO NOTHING RETURNING pk
    )`,
    sql.fragment`made AS MATERIALIZED (SELECT * FROM sent WHERE pk IN (SELECT pk FROM identity))`,
    changes('Provenance', sql.fragment`made`),
    sql.fragment`dates AS (
      INSERT INTO index_date (parameter, low, high, patient_id, pk)
      SELECT one.parameter, one.low, one.high, made.patient_id, made.pk
      FROM made, jsonb_to_recordset(made.dates) AS one(parameter integer, low timestamptz, high timestamptz)
    )`,
    sql.fragment`targets AS (
      INSERT INTO upload_target (patient_id, pk, observation)
      SELECT patient_id, pk, unnest(observations) FROM sent ON CONFLICT DO NOTHING
    )`,
    sql.fragment`provenances AS (
      INSERT INTO provenance (patient_id, pk, id, version, last_updated, owner, author, tokens, content)
      SELECT patient_id, pk, id, 1, ${now.toISOString()}::timestamptz, NULL, ${writing.author}, tokens, content FROM made
    )`,
  ]
}

const pkOf = async ({ nextPk }: Writing, { provenances }: Upload, patient: string): Promise<string> => {
  const pk = provenances.get(patient) ?? (await nextPk())
  provenances.set(patient, pk)
  return pk
}

type Brought = { readonly patient: string; readonly patientId: number; readonly pk: string }

/** The Observation that the write stored, if any: one that was there already was not brought by this upload. */
const broughtBy = (write: Write, done: Written | undefined): readonly Brought[] => {
  if (write.kind !== 'create' || write.resource.resourceType !== 'Observation') return []
  if (done?.outcome !== 'created' && done?.outcome !== 'updated') return []
  const { patientId, pk } = done
  const patient = patientIn(write.resource as Observation)
  return patient === undefined || patientId === 0 || pk === undefined ? [] : [{ patient, patientId, pk }]
}

const patientIn = ({ subject: { reference = '' } = {} }: Observation): string | undefined =>
  /^Patient\/([^/]+)$/.exec(reference)?.[1]

type Who = Provenance['agent'][number]['who']

/** Staff are named by their Practitioner, and patients by their Patient, since an account is private. A client of its own sends for nobody. */
const whoSent = async (connection: Connection, { principal }: Writing, patient: string): Promise<Who | undefined> => {
  if (principal.kind === 'client') return undefined
  const who = principal.kind === 'person' ? await findSelf(connection, principal) : undefined
  return who?.reference?.startsWith('Practitioner/') ? who : { reference: `Patient/${patient}` }
}

type Sent = { readonly patient: string; readonly who: Who | undefined; readonly recorded: string }

/** https://hl7.org/fhir/R4/provenance.html, without its targets. It names no devices: these are named by the Observations, of which a reader may see only some. */
const provenanceOf = ({ id, client }: Upload, { patient, who, recorded }: Sent): Omit<Provenance, 'target'> => ({
  resourceType: 'Provenance',
  id: idOf(id, patient),
  meta: { versionId: '1', lastUpdated: recorded },
  recorded,
  activity: { coding: [{ system: systems.recordLifecycle, code: 'receive' }] },
  agent: [
    {
      type: { coding: [{ system: systems.usCoreParticipant, code: 'transmitter' }] },
      who: { identifier: { system: `${canonicalBase}/client`, value: client } },
      ...(who === undefined ? {} : { onBehalfOf: who }),
    },
  ],
  entity: [
    { role: 'source', what: { identifier: { system: `${canonicalBase}/upload`, value: id }, display: 'The upload' } },
  ],
})

/** The same id for each part of an upload, from which nobody can tell whether there was anything of other patients. It begins with the time, like the upload's. */
const idOf = (upload: string, patient: string): string => {
  const hex = hash('sha256', `${upload}/${patient}`)
  return `${uploadProvenance}${upload.slice(0, 18)}-${hex.slice(0, 4)}-${hex.slice(4, 16)}`
}
