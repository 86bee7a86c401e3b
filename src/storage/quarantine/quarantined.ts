import type { Expression } from '../../search/expression.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Asking } from '../current.ts'
import type { Connection } from '../database.ts'
import { visibleAmong } from '../history/old-version.ts'
import type { Preparing } from '../prepare/prepare.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type {
  Quarantined,
  QuarantinedAsked,
  QuarantinedDocument,
  QuarantinedPage,
  QuarantineKeepers,
} from './quarantine-asked.ts'
import { apart, type FaceRow, saidBy, versionOf } from './sent-document.ts'

type Reading = Asking & Preparing

/**
 * The documents of a study or source that are waiting, or were, for whoever looks after it, with why they were refused and how often they came. All
 * who lead a study see all of its documents; from a source, the managers of an organization see those of its patients.
 */
export const readQuarantined = async (
  connection: Connection,
  reading: Reading,
  asked: QuarantinedAsked,
): Promise<QuarantinedPage> => {
  const { state, group, order, offset, limit } = asked
  const found = sql.fragment`
    ${keepersRows(reading, asked.keepers)},
    found AS (
      SELECT document.* FROM quarantined_document AS document
      WHERE ${placeOf(asked)} AND (document.state = 'waiting') = ${state === 'waiting'}
    )`
  const groups = await connection.any<QuarantinedPage['groups'][number]>(sql.fragment`
    WITH ${found}
    SELECT rule, grouped_pointer AS pointer, schema, count(*)::integer AS documents, sum(times)::integer AS times, max(last_at) AS "lastAt"
    FROM found GROUP BY rule, grouped_pointer, schema ORDER BY ${groupOrders[order]}, rule, grouped_pointer, schema LIMIT 100`)
  const documents = await connection.any<Quarantined>(sql.fragment`
    WITH ${found}
    SELECT ${columns} FROM found AS document
    WHERE ${
      group === undefined
        ? sql.fragment`TRUE`
        : sql.fragment`rule = ${group.rule} AND grouped_pointer = ${group.pointer} AND schema = ${group.schema}`
    }
    ORDER BY ${documentOrders[order]}, id LIMIT ${limit} OFFSET ${offset}`)
  return { groups, documents }
}

const groupOrders: Readonly<Record<QuarantinedAsked['order'], SqlFragment>> = {
  latest: sql.fragment`max(last_at) DESC`,
  oldest: sql.fragment`max(last_at)`,
  often: sql.fragment`sum(times) DESC`,
  tried: sql.fragment`max(last_at) DESC`,
}

const documentOrders: Readonly<Record<QuarantinedAsked['order'], SqlFragment>> = {
  latest: sql.fragment`last_at DESC`,
  oldest: sql.fragment`last_at`,
  often: sql.fragment`times DESC, last_at DESC`,
  tried: sql.fragment`tried_at NULLS FIRST, last_at`,
}

/** One document. Its content is only for those who may read such an Observation now. Undefined for whoever does not look after it. */
export const readQuarantinedDocument = async (
  connection: Connection,
  reading: Reading,
  id: string,
  keepers: QuarantineKeepers,
): Promise<QuarantinedDocument | undefined> => {
  const row = await connection.maybeOne<DocumentRow>(sql.fragment`
    WITH ${keepersRows(reading, keepers)}
    SELECT ${columns}, pk, sent, face, issues, patient, source, client.name AS client, coalesce(compartment.patient_id, 0) AS "patientId",
      ARRAY(SELECT study_id FROM quarantined_for AS told WHERE told.id = document.id AND told.study_id IN (SELECT id FROM led)
        ORDER BY study_id) AS studies,
      ${ofKeptOrganization} AS "isOfOrganization", interaction, is_lost AS "isLost"
    FROM quarantined_document AS document
    LEFT JOIN client ON client.id = document.client_id
    LEFT JOIN patient_compartment AS compartment ON compartment.id = document.patient
    WHERE document.id = ${id}::uuid AND (${ofKeptOrganization} OR ${ofKeptStudy})`)
  if (row === undefined) return undefined
  const { shown, kept } = apart(row)
  const visible = await visibleAmong(connection, reading, { type: 'Observation', action: 'r' }, [versionOf(kept)])
  const document = visible.length === 1 ? await saidBy(connection, reading, kept) : undefined
  return { ...shown, ...(document && { document }) }
}

type DocumentRow = Quarantined &
  FaceRow & {
    readonly source: string
    readonly client: string | null
    readonly studies: readonly string[]
    readonly isOfOrganization: boolean
    readonly interaction: 'create' | 'update'
    readonly isLost: boolean
  }

const columns = sql.fragment`document.id, document.rule, document.pointer, document.schema, document.first_at AS "firstAt",
  document.last_at AS "lastAt", document.times, document.state, document.tried_at AS "triedAt", document.refusal, document.observation`

/**
 * CTEs with the ids of the organizations that the reader manages and the studies that they lead, according to the gate. Administrators also look
 * after documents that belong to no organization.
 */
export const keepersRows = (gate: Gate, keepers: QuarantineKeepers): SqlFragment => {
  const among = (type: 'Organization' | 'ResearchStudy', rule: Expression) => passesGate(gate, 's', type, 'row', rule)
  return sql.fragment`
    managed AS MATERIALIZED (
      SELECT row.id FROM organization AS row WHERE ${among('Organization', keepers.organizations)}
      UNION ALL SELECT '' WHERE ${keepers.organizations.kind === 'all'}
    ),
    led AS MATERIALIZED (
      SELECT row.id FROM research_study AS row WHERE ${among('ResearchStudy', keepers.studies)}
    )`
}

/** Of one of their patients, or from one of their sources and of a patient of the same tenant. */
export const ofKeptOrganization = sql.fragment`(
  document.organization IN (SELECT id FROM managed) OR EXISTS (
    SELECT FROM device AS own
    JOIN organization_node AS owner ON owner.id = own.owner
    JOIN organization_node AS keeper ON keeper.id = document.organization AND keeper.tenant = owner.tenant
    WHERE own.patient_id = 0 AND own.id = document.source AND own.owner IN (SELECT id FROM managed)))`

export const ofKeptStudy = sql.fragment`EXISTS (
  SELECT FROM quarantined_for AS told WHERE told.id = document.id AND told.study_id IN (SELECT id FROM led))`

const placeOf = ({ of }: QuarantinedAsked): SqlFragment =>
  of.kind === 'study'
    ? sql.fragment`document.id IN (
        SELECT told.id FROM quarantined_for AS told WHERE told.study_id = ${of.id} AND told.study_id IN (SELECT id FROM led))`
    : sql.fragment`document.source = ${of.id} AND ${ofKeptOrganization}`
