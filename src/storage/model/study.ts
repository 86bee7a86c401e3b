import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import { exactKindOf } from '../../access/consent.ts'
import { kindOfClass, typeOfKind } from '../../access/shared-type.ts'
import { askOf, textAsks } from '../../access/text-asks.ts'
import { canonicalBase, extensions } from '../../fhir/canonical.ts'
import { intervalOfPeriod } from '../../fhir/date.ts'
import { FhirError } from '../../fhir/error.ts'
import { extensionOf } from '../../fhir/extension.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { hold } from '../hold.ts'
import { exclusive } from '../lock-keys.ts'
import { typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'
import { granteeNumber } from './grantee.ts'
import { each, type ProjectionContext } from './projection.ts'
import { type NamedStaff, refuseNewRecipients } from './recipient.ts'
import { noDevice } from './relation/consented.ts'
import { refuseTranslations } from './study-language.ts'
import { writeTexts } from './study-text.ts'
import { refuseUnfinishedText } from './unfinished-text.ts'

/** A ResearchStudy of an organization is a study of this server; one without an organization is only a document. */
export const projectStudies = each<ResearchStudy>(async (connection, { id, pk, resource }, context) => {
  if (resource === undefined) return removeStudy(connection, id)
  if (context.isAccepted !== true) refuseTranslations(resource)
  const before = await connection.maybeOne<Fixed>(
    sql.fragment`SELECT organization, access, identity FROM study WHERE id = ${id}`,
  )
  const organization = namedId(resource.sponsor, 'Organization')
  if (organization === undefined && before === undefined) return
  const after = { organization, access: chosenIn(resource, 'access'), identity: chosenIn(resource, 'identity') }
  if (before === undefined) context.begun?.add(id)
  else refuseChange(before, after)
  await writeStudy(connection, id, resource, after, context.isAccepted === true)
  await writeTexts(connection, id, resource)
  if (context.isAccepted !== true) await refuseUnfinishedText(connection, pk, resource)
  const staff = staffIn(resource)
  if (context.isAccepted !== true)
    await refuseNewRecipients(connection, { id, organization: after.organization }, staff)
  await writeStaff(connection, id, staff)
  await writeRequestedData(connection, id, resource, context)
})

type Fixed = { readonly organization: string | undefined; readonly access: string; readonly identity: string }

/** If nothing is chosen, the organization's people read, and patients are known by code. */
export const chosenIn = (study: ResearchStudy, choice: 'access' | 'identity'): string =>
  extensionOf(study, extensions[choice])?.valueCode ?? { access: 'organization', identity: 'coded' }[choice]

/** People consented to these recipients, and to being known in this way: neither is widened afterwards. */
const refuseChange = (before: Fixed, after: Fixed): void => {
  if (before.organization !== after.organization) throw refusal('A study stays with its organization', 'sponsor')
  if (before.identity !== after.identity) throw refusal('How a study knows its people was chosen when it was made')
  if (before.access === 'staff' && after.access !== 'staff') throw refusal('Access to a study is never widened')
}

const refusal = (message: string, element = 'extension'): FhirError =>
  new FhirError('business-rule', message, { expression: `ResearchStudy.${element}` })

/** Whether its people may now read what was consented to it. */
export const isInForce = ({ status, period = {} }: ResearchStudy): boolean => {
  const { low, high } = intervalOfPeriod(period)
  const now = new Date().toISOString()
  return inForce.has(status) && (low === '-infinity' || low <= now) && (high === 'infinity' || now < high)
}

/** https://hl7.org/fhir/R4/valueset-research-study-status.html: reading goes on while people are in the study. */
const inForce: ReadonlySet<string | undefined> = new Set([
  'active',
  'closed-to-accrual',
  'closed-to-accrual-and-intervention',
  'temporarily-closed-to-accrual',
  'temporarily-closed-to-accrual-and-intervention',
])

/** Whether it has been in force, or might have been, and is so no more: by its status, or after its days. */
export const isOver = ({ status = 'active', period = {} }: Pick<ResearchStudy, 'status' | 'period'>): boolean => {
  const { high } = intervalOfPeriod(period)
  return overStatuses.has(status) || (high !== 'infinity' && high <= new Date().toISOString())
}

/** With others than these, and those in force, a study is to come. */
export const overStatuses: ReadonlySet<string> = new Set([
  'administratively-completed',
  'completed',
  'disapproved',
  'withdrawn',
])

const writeStudy = async (
  connection: Connection,
  id: string,
  study: ResearchStudy,
  after: Fixed,
  isAccepted: boolean,
): Promise<void> => {
  const grantee = await granteeNumber(connection, { kind: 'study', id })
  const named = namedId(study.enrollment?.[0], 'Group')
  const group = (await groupOf(connection, id, named, after, isAccepted)) ?? null
  const { low, high } = intervalOfPeriod(study.period ?? {})
  if (!isAccepted) await hold(connection, 'study', exclusive([id]))
  await connection.run(sql.fragment`
    INSERT INTO study (id, grantee, group_id, organization, access, identity, in_force, period_start, period_end)
    VALUES (${id}, ${grantee}, ${group}, ${after.organization ?? ''}, ${after.access}, ${after.identity},
      ${inForce.has(study.status)}, ${low}, ${high})
    ON CONFLICT (id) DO UPDATE SET group_id = excluded.group_id, access = excluded.access,
      in_force = excluded.in_force, period_start = excluded.period_start, period_end = excluded.period_end
    WHERE (study.group_id, study.access, study.in_force, study.period_start, study.period_end) IS DISTINCT FROM
      (excluded.group_id, excluded.access, excluded.in_force, excluded.period_start, excluded.period_end)`)
  const ofOrganization = await granteeNumber(connection, { kind: 'study-organization', id })
  await connection.run(sql.fragment`
    INSERT INTO study_grantee (study_id, grantee) VALUES (${id}, ${grantee}), (${id}, ${ofOrganization}) ON CONFLICT DO NOTHING`)
}

/**
 * The Group that it names, if that belongs to the same organization and to no other study: naming a Group gives no right to it. If the writer may see
 * the other study, it is refused: otherwise the order in which the two are written would decide which of them has the Group.
 */
const groupOf = async (
  connection: Connection,
  study: string,
  group: string | undefined,
  { organization }: Fixed,
  isAccepted: boolean,
): Promise<string | undefined> => {
  if (group === undefined) return undefined
  const holder = await connection.maybeOne<{ isShown: boolean }>(sql.fragment`
    SELECT organization = ${organization ?? ''} AND access = 'organization' AS "isShown" FROM study
    WHERE group_id = ${group} AND id <> ${study}`)
  if (holder?.isShown === true && !isAccepted) throw refusal(`Group/${group} is that of another study`, 'enrollment')
  const stored = await connection.maybeOne<{ organization: string | null }>(sql.fragment`
    SELECT referenced_id(stored.content -> 'managingEntity', 'Organization') AS organization
    FROM resource_identity AS identity
    JOIN "group" AS stored ON stored.patient_id = identity.patient_id AND stored.pk = identity.pk
    WHERE identity.id = ${group} AND identity.type_id = ${typeIdOf('Group')}`)
  const isTheirs = holder === undefined && (stored === undefined || stored.organization === (organization ?? null))
  return isTheirs ? group : undefined
}

type Staff = NamedStaff & { readonly role: string | null; readonly period_start: string }

const staffIn = ({ extension = [] }: ResearchStudy): readonly Staff[] =>
  extension.flatMap(entry => {
    if (entry.url !== extensions.staff) return []
    const practitioner = namedId(extensionOf(entry, 'practitioner')?.valueReference, 'Practitioner')
    if (practitioner === undefined) return []
    const { low, high } = intervalOfPeriod(extensionOf(entry, 'period')?.valuePeriod ?? {})
    return { practitioner, role: staffRoleOf(entry) ?? null, period_start: low, period_end: high }
  })

/** Writes only the rows that differ, since for each row that changes it is worked out anew whom consents reach. */
const writeStaff = (connection: Connection, id: string, staff: readonly Staff[]): Promise<number> => {
  const isSame = sql.fragment`kept.practitioner = named.practitioner AND kept.role IS NOT DISTINCT FROM named.role
    AND kept.period_start = named.period_start AND kept.period_end = named.period_end`
  return connection.run(sql.fragment`
    WITH named AS MATERIALIZED (
      SELECT DISTINCT * FROM jsonb_to_recordset(${JSON.stringify(staff)}::jsonb)
        AS named(practitioner text, role text, period_start timestamptz, period_end timestamptz)
    ),
    ended AS (
      DELETE FROM study_staff AS kept WHERE kept.study_id = ${id} AND NOT EXISTS (SELECT FROM named WHERE ${isSame}))
    INSERT INTO study_staff (study_id, practitioner, role, period_start, period_end)
    SELECT ${id}, named.* FROM named
    WHERE NOT EXISTS (SELECT FROM study_staff AS kept WHERE kept.study_id = ${id} AND ${isSame})`)
}

const staffRoleOf = (entry: Extension): string | undefined =>
  extensionOf(entry, 'role')?.valueCodeableConcept?.coding?.find(
    ({ system }) => system === `${canonicalBase}/CodeSystem/staff-role`,
  )?.code

/** What may be consented to: what the study asks for and, if its text names what is asked, the text as well. */
const writeRequestedData = async (
  connection: Connection,
  id: string,
  study: ResearchStudy,
  { classes, dictionary }: ProjectionContext,
): Promise<void> => {
  const { extension = [] } = study
  const asks = textAsks(study)
  await connection.run(sql.fragment`DELETE FROM study_requested_data WHERE study_id = ${id}`)
  const requests = extension.flatMap((entry, index) =>
    entry.url === extensions.requestedData ? [requestOf(entry, `extension[${index}]`, classes)] : [],
  )
  const kindIds = await dictionary.kinds.idsOf(requests.map(({ kind }) => kind))
  const deviceIds = await dictionary.devices.idsOf(requests.flatMap(({ sources }) => sources))
  const rows = requests.flatMap(({ kind, sources }) => {
    const anyDevice = typeOfKind(kind) === undefined ? 0 : noDevice
    return (sources.length === 0 ? [undefined] : sources)
      .filter(source => asks?.has(askOf(kind, source)) ?? true)
      .map(source => ({
        kind_id: kindIds.get(kind),
        device_id: source === undefined ? anyDevice : deviceIds.get(source),
      }))
  })
  await connection.run(sql.fragment`
    INSERT INTO study_requested_data (study_id, kind_id, device_id)
    SELECT DISTINCT ${id}, kind_id, device_id
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS row(kind_id integer, device_id integer)`)
}

const requestOf = (entry: Extension, element: string, classes: ProjectionContext['classes']) => {
  const kind = requestedKind(entry, element, classes)
  const sources = (entry.extension ?? [])
    .filter(({ url }) => url === 'source')
    .map(({ valueReference }) => namedId(valueReference, 'Device'))
  if (sources.includes(undefined)) throw refusal('A source of data is a Device', element)
  if (sources.length > 0 && typeOfKind(kind) !== undefined)
    throw refusal('A type of resources comes from no source: only a kind of data does', element)
  return { kind, sources: sources.flatMap(source => source ?? []) }
}

/** A kind of Observations, or a type of other resources. */
const requestedKind = (entry: Extension, element: string, classes: ProjectionContext['classes']): string => {
  const [asked, named] = [extensionOf(entry, 'kind'), extensionOf(entry, 'class')]
  if ((asked === undefined) === (named === undefined))
    throw refusal('What is asked for is either a kind of data or a class of resources', element)
  const kind =
    asked === undefined ? kindOfClass(named?.valueCoding ?? {}) : exactKindOf(asked.valueCodeableConcept ?? {}, classes)
  if (kind === undefined) throw refusal(asked === undefined ? noSharedClass : noKind, element)
  return kind
}

const noKind = 'The kind of data is not one that people consent to'
const noSharedClass =
  'The class is not a type of resources that people consent to: http://hl7.org/fhir/resource-types|Condition is one, Observation is asked for by its kinds'

const removeStudy = async (connection: Connection, id: string): Promise<void> => {
  const used = await connection.maybeOne(sql.fragment`
    SELECT FROM enrolment WHERE study_id = ${id}
    UNION ALL
    SELECT FROM consent_grantee JOIN study ON study.grantee = consent_grantee.grantee WHERE study.id = ${id} LIMIT 1`)
  if (used !== undefined)
    throw new FhirError('conflict', 'A study with people in it is completed or withdrawn, not deleted')
  await connection.run(sql.fragment`DELETE FROM study_requested_data WHERE study_id = ${id}`)
  await connection.run(sql.fragment`DELETE FROM study_text WHERE study_id = ${id}`)
  await connection.run(sql.fragment`DELETE FROM study_staff WHERE study_id = ${id}`)
  await connection.run(sql.fragment`DELETE FROM study_grantee WHERE study_id = ${id}`)
  await connection.run(sql.fragment`DELETE FROM study_end_awaited WHERE study_id = ${id}`)
  await connection.run(sql.fragment`DELETE FROM study WHERE id = ${id}`)
}
