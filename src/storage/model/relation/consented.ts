import type { ResourceType } from '@medplum/fhirtypes'
import { kindOfType, timeElementOf } from '../../../access/shared-type.ts'
import type { Action, Consented, Expression } from '../../../search/expression.ts'
import type { RelatedRow } from '../../row.ts'
import { allOf, name, type SqlFragment, sql, word } from '../../sql.ts'
import { inForce, referencedId } from '../reference.ts'

type Consentable = Extract<Expression, { kind: 'consentable' }>

/**
 * A consent in force covers the row and reaches whoever asks: one semi-join, which PostgreSQL may enter from the row or from the
 * consents. An unknown source is device 0, which only consents for any source cover. Observations that need consent for several kinds,
 * are derived from others, or last longer than their effective time are few (`is_joint`), and are tested further.
 */
export const compileConsented = (consented: Consented, { type, row, facts, sources }: RelatedRow): SqlFragment => {
  if (type === 'Device') return compileDevice(consented, row)
  if (type !== 'Observation') return compileType(consented, type, row)
  return allOf([
    isCovered(inForceFor(consented), facts),
    sql.fragment`(
      NOT ${facts}.is_joint OR wholly_covered(${granteesFor(consented)}, ${word(consented.action)},
        ${facts}.patient_id, ${facts}.kind_id, ${facts}.device_id,
        coalesce(${facts}.lasts_from, ${facts}.effective_start), coalesce(${facts}.lasts_until, ${facts}.effective_end),
        ${facts}.last_updated, ARRAY(
          SELECT own.source_pk FROM ${sources} AS own
          WHERE own.patient_id = ${facts}.patient_id AND own.pk = ${facts}.pk)))`,
  ])
}

/** One of the permits that `of` chooses, by the alias `given`, covers the Observation; for an `is_joint`, perhaps only in part. */
export const isCovered = (of: SqlFragment, facts: SqlFragment): SqlFragment => sql.fragment`EXISTS (
      SELECT FROM study_group_observation_consents AS given
      JOIN kind_member ON kind_member.member_id = given.kind_id
      WHERE ${of} AND kind_member.kind_id = ${facts}.kind_id
        AND given.patient_id = ${facts}.patient_id AND given.device_id IN (0, ${facts}.device_id)
        AND given.data_start <= ${facts}.effective_start
        AND coalesce(${facts}.lasts_until, ${facts}.effective_end) <= given.data_end
        AND ${facts}.last_updated < given.stored_before)`

/**
 * A patient's device may be read with the Observations of its source. One that the server made because a document described it may be read
 * only by those to whom some kind is given that the device has measured.
 */
const compileDevice = (consented: Consented, row: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM study_group_observation_consents AS given
  WHERE ${inForceFor(consented)} AND given.patient_id = ${row}.patient_id AND ${row}.last_updated < given.stored_before
    AND ${hasMeasured(row)}
    AND given.device_id IN (0, coalesce((
    SELECT device_id FROM device_source
    WHERE device_source.id = coalesce(${referencedId(row, 'parent', 'Device')}, ${row}.id)), 0)))`

const hasMeasured = (row: SqlFragment): SqlFragment => sql.fragment`(
  NOT EXISTS (
    SELECT FROM upload_device AS made WHERE made.patient_id = ${row}.patient_id AND made.id = ${row}.id AND made.is_made)
  OR EXISTS (
    SELECT FROM upload_device_kind AS measured
    JOIN kind_member ON kind_member.kind_id = measured.kind_id AND kind_member.member_id = given.kind_id
    WHERE measured.patient_id = ${row}.patient_id AND measured.id = ${row}.id))`

/** Other types are consented to whole, and come from no source. */
const compileType = (consented: Consented, type: ResourceType, row: SqlFragment): SqlFragment => {
  const kind = kindOfType(type)
  if (kind === undefined) return sql.fragment`FALSE`
  const time = timeOf(type, row)
  return sql.fragment`EXISTS (
    SELECT FROM study_group_observation_consents AS given
    WHERE ${inForceFor(consented)} AND given.patient_id = ${row}.patient_id
      AND given.kind_id = (SELECT kind_id FROM kind WHERE key = ${kind}) AND given.device_id = ${noDevice}
      AND given.data_start <= coalesce(fhir_time_low(${time}), '-infinity')
      AND coalesce(fhir_time_until(${time}), 'infinity') <= given.data_end
      AND ${row}.last_updated < given.stored_before)`
}

/** NULL, which stands for a time without bounds, if none is known: only a consent without bounds covers it. */
const timeOf = (type: ResourceType, row: SqlFragment): SqlFragment => {
  const element = timeElementOf(type)
  if (element === undefined) return sql.fragment`NULL::jsonb`
  if (!element.endsWith('[x]')) return sql.fragment`${row}.content -> ${element}`
  const choice = element.slice(0, -'[x]'.length)
  const forms = ['DateTime', 'Date', 'Period'].map(
    datatype => sql.fragment`${row}.content -> ${`${choice}${datatype}`}`,
  )
  return sql.fragment`coalesce(${sql.join(forms, sql.fragment`, `)})`
}

/** The device_id of consents to a type of resources, which has no source. */
export const noDevice = -1

const inForceFor = (consented: Consented): SqlFragment => sql.fragment`
  given.grantee = ANY (${granteesFor(consented)}) AND ${isPermitInForce(consented.action)}${
    consented.consent === undefined ? sql.fragment`` : sql.fragment` AND given.consent_id = ${consented.consent}`
  }`

/** For a permit by the alias `given`, to whomever. */
export const isPermitInForce = (
  action: Action,
): SqlFragment => sql.fragment`strpos(given.scope_action, ${word(action)}) > 0
  AND given.consented AND now() >= given.valid_from AND now() < given.valid_to`

/** Of a patient, each grantee has one Consent at most that stands. */
const granteesFor = ({ to, study, consent }: Consented): SqlFragment => {
  const grantees = granteesOf(to, study)
  return consent === undefined
    ? grantees
    : sql.fragment`ARRAY(
        SELECT own.grantee FROM consent_grantee AS own JOIN grantee ON grantee.grantee = own.grantee
        WHERE own.consent_id = ${consent} AND grantee.kind IN ('organization', 'practitioner') AND own.grantee = ANY (${grantees}))`
}

/** A query of the patients of whom anything can be seen at all, by their consents in force: a patient_id for each consent. */
export const sharersOf = (consented: Consented): SqlFragment => sql.fragment`
  SELECT given.patient_id FROM study_group_observation_consents AS given WHERE ${inForceFor(consented)}`

/** The same of those whose Observations can be seen. `kind`: only by consents to it, which is needed for all Observations that are asked about. */
export const patientsReached = (consented: Consented, kind: string | undefined): SqlFragment => sql.fragment`
  ${sharersOf(consented)} AND ${
    kind === undefined
      ? sql.fragment`given.device_id <> ${noDevice}`
      : sql.fragment`given.kind_id = (SELECT kind_id FROM kind WHERE key = ${kind})`
  }`

/** An array, asked once a statement, and only when it is needed. */
export const granteesOf = (to: Consented['to'], study: string | undefined): SqlFragment => {
  switch (to.kind) {
    case 'practitioner':
      return sql.fragment`ARRAY(
        SELECT reach.grantee FROM practitioner_grantee AS reach
        WHERE reach.practitioner = ${to.id} AND ${inForce(name('reach'))}
          AND ${study === undefined ? sql.fragment`TRUE` : sql.fragment`reach.study_id = ${study}`})`
    case 'organization':
      return sql.fragment`(SELECT organization_grantees(${to.id}, ${study ?? word(undefined)}))::integer[]`
    case 'members':
      return sql.fragment`ARRAY(SELECT grantee.grantee FROM grantee WHERE grantee.kind = 'organization' AND grantee.id = ${to.id})`
  }
}

/** For storing, only the kinds must be consented to; source and time limit the reading. Nothing may be stored without a kind, or by a consent that has ended. */
export const compileConsentable = ({ to }: Consentable, { facts }: RelatedRow): SqlFragment => {
  const studies =
    to === undefined
      ? sql.fragment`TRUE`
      : sql.fragment`given.grantee = ANY (${granteesOf({ kind: 'organization', id: to }, undefined)})`
  return sql.fragment`coalesce((
    SELECT bool_and(EXISTS (
      SELECT FROM study_group_observation_consents AS given
      WHERE given.patient_id = ${facts}.patient_id AND given.kind_id = needed.member_id
        AND given.consented AND given.stored_before = 'infinity'
        AND now() >= given.valid_from AND now() < given.valid_to AND ${studies}))
    FROM kind_member AS needed WHERE needed.kind_id = ${facts}.kind_id), FALSE)`
}
