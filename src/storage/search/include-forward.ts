import type { ResourceType } from '@medplum/fhirtypes'
import { parseReference } from '../../fhir/reference.ts'
import type { IncludeLink } from '../../search/include.ts'
import { isGroupMember, isProvenanceTarget } from '../../search/stored-elsewhere.ts'
import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { referenceKey } from '../prepare/index-rows.ts'
import { tableOf } from '../row.ts'
import { columnOf, rowPlaces, type SqlFragment, sql } from '../sql.ts'
import { element, elementsAt, jsonPath } from '../values/element.ts'
import { type Frontier, type Including, includedRows, isSearchable } from './include-row.ts'

/** What the resources refer to, type by type. A reference to a version brings the current version; a canonical with a version brings that one alone. */
export const forwardRows = async (
  connection: Connection,
  including: Including,
  links: readonly IncludeLink[],
  { from, known }: Frontier,
): Promise<readonly SqlFragment[]> => {
  const followed = links.filter(({ source }) => from.some(({ type }) => type === source))
  if (followed.length === 0) return []
  const found = await connection.kept<Found>(sql.fragment`${referencesIn(followed, from)}`)
  const named = found
    .flatMap(({ link, text }) => namedBy(text, followed[link]?.targets ?? []))
    .filter(one => !known.has(`${one.type}/${one.id}`) && isSearchable(including, one.type))
  return [...Map.groupBy(named, ({ type }) => type)].flatMap(([type, of]) => rowsOf(type, of, including, known))
}

type Found = { readonly link: number; readonly text: string }

/** The references of all the resources in one statement, each with the link that found it. */
const referencesIn = (links: readonly IncludeLink[], from: Frontier['from']) =>
  sql.join(
    links.flatMap((link, index) => {
      const rows = from.filter(({ type }) => type === link.source)
      const texts = link.parameter.paths.map(path => elementsOf(link.source, rows, jsonPath(path), path.datatype))
      const all = [
        ...texts,
        ...(isGroupMember(link.parameter) ? [membersOf(rows)] : []),
        ...(isProvenanceTarget(link.parameter) ? [broughtBy(rows)] : []),
      ]
      return all.map(of => sql.fragment`SELECT DISTINCT ${index}::integer AS link, text FROM (${of}) AS found(text)`)
    }),
    sql.fragment` UNION ALL `,
  )

const elementsOf = (type: ResourceType, rows: Frontier['from'], path: string, datatype: string): SqlFragment => {
  const text = datatype === 'Reference' ? sql.fragment`${element} ->> 'reference'` : sql.fragment`${element} #>> '{}'`
  return sql.fragment`
    SELECT ${text}
    FROM ${rowPlaces(rows)}
    JOIN ${tableOf(type)} AS source ON source.patient_id = place.patient_id AND source.pk = place.pk,
      ${elementsAt(sql.fragment`source.content`, path)} AS element(value)
    WHERE ${text} IS NOT NULL`
}

/** A study's Group stores no members: these are the people who are enrolled now. */
const membersOf = (groups: Frontier['from']): SqlFragment => sql.fragment`
  SELECT 'Patient/' || enrolment.patient
  FROM study JOIN enrolment ON enrolment.study_id = study.id
  WHERE study.group_id = ANY(${columnOf(groups, ({ id }) => id, 'text')})
    AND ${isEnrolled}`

/** The Provenance of an upload stores no targets: these are the Observations that it brought. */
const broughtBy = (provenances: Frontier['from']): SqlFragment => sql.fragment`
  SELECT 'Observation/' || brought.id
  FROM ${rowPlaces(provenances)}
  JOIN upload_target AS target ON target.patient_id = place.patient_id AND target.pk = place.pk
  JOIN observation AS brought ON brought.patient_id = target.patient_id AND brought.pk = target.observation`

type Named = { readonly type: ResourceType; readonly id?: string; readonly url?: string }

const namedBy = (text: string, targets: readonly ResourceType[]): readonly Named[] => {
  const parsed = parseReference(text)
  if (parsed === undefined || 'fragment' in parsed) return []
  if ('url' in parsed) return targets.map(type => ({ type, url: parsed.url }))
  return targets.includes(parsed.type) ? [{ type: parsed.type, id: parsed.id }] : []
}

const rowsOf = (
  type: ResourceType,
  named: readonly Named[],
  including: Including,
  known: Frontier['known'],
): readonly SqlFragment[] => {
  const ids = new Set(named.flatMap(({ id }) => id ?? []))
  const urls = new Set(named.flatMap(({ url }) => url ?? []))
  const byId = includedRows(type, including, {
    from: sql.fragment`resource_identity AS identity
      JOIN ${tableOf(type)} AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk`,
    linked: sql.fragment`identity.type_id = ${including.typeId(type)}
      AND identity.id = ANY(${sql.array([...ids], 'text')})`,
  })
  const keys = [...urls].map(url => String(referenceKey({ code: 'url' }, url.split('|')[0] ?? url)))
  const url = sql.fragment`(row.content ->> 'url')`
  const asked = sql.array([...urls], 'text')
  const byUrl = includedRows(type, including, {
    from: sql.fragment`${tableOf(type)} AS row`,
    linked: sql.fragment`row.tokens && ${sql.array(keys, 'int8')}
      AND (${url} = ANY(${asked}) OR ${url} || '|' || (row.content ->> 'version') = ANY(${asked})) AND ${isNew(known)}`,
  })
  return [...(ids.size === 0 ? [] : [byId]), ...(urls.size === 0 ? [] : [byUrl])]
}

/** The row is not in the answer yet. */
export const isNew = (known: Frontier['known']): SqlFragment =>
  sql.fragment`row.pk <> ALL(${columnOf([...known.values()], ({ pk }) => pk, 'int8')})`
