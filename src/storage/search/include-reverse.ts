import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { IncludeLink } from '../../search/include.ts'
import { isGroupMember, isProvenanceTarget } from '../../search/stored-elsewhere.ts'
import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { referenceKey } from '../prepare/index-rows.ts'
import { tableOf } from '../row.ts'
import { allOf, anyOf, columnOf, rowPlaces, type SqlFragment, sql } from '../sql.ts'
import { element, elementText, someElement } from '../values/element.ts'
import { isNew } from './include-forward.ts'
import {
  type Frontier,
  type Including,
  includedRows,
  isSearchable,
  observationsOf,
  type Placed,
} from './include-row.ts'

/** What refers to the resources, type by type. */
export const reverseRows = async (
  connection: Connection,
  including: Including,
  links: readonly IncludeLink[],
  { from, known }: Frontier,
): Promise<readonly SqlFragment[]> => {
  const types = new Set(from.map(({ type }) => type))
  const followed = links.filter(
    ({ source, targets }) => isSearchable(including, source) && targets.some(target => types.has(target)),
  )
  const urls = await urlsOf(connection, followed, from)
  const bySource = Map.groupBy(followed, ({ source }) => source)
  return [...bySource].flatMap(([source, links]) => rowsOf(source, links, including, { from, known, urls }))
}

type Reached = Frontier & { readonly urls: readonly Named[] }

/** A text by which others refer to one of the resources. */
type Named = { readonly type: ResourceType; readonly text: string }

/** The canonical URLs of the resources, without and with their version, if any of the links goes by canonicals. */
const urlsOf = async (
  connection: Connection,
  links: readonly IncludeLink[],
  from: Frontier['from'],
): Promise<readonly Named[]> => {
  const canonical = links.filter(({ parameter }) => parameter.paths.some(({ datatype }) => datatype !== 'Reference'))
  const targets = new Set(canonical.flatMap(link => link.targets))
  const byType = Map.groupBy(
    from.filter(({ type }) => targets.has(type)),
    ({ type }) => type,
  )
  if (byType.size === 0) return []
  const statements = [...byType].map(
    ([type, rows]) => sql.fragment`
      SELECT ${type}::text AS type, named.text FROM ${tableOf(type)},
        unnest(ARRAY[content ->> 'url', (content ->> 'url') || '|' || (content ->> 'version')]) AS named(text)
      WHERE named.text IS NOT NULL
        AND patient_id = ANY(${sql.array([...new Set(rows.map(({ patientId }) => patientId))], 'int4')})
        AND pk = ANY(${columnOf(rows, ({ pk }) => pk, 'int8')})`,
  )
  return connection.any<Named>(sql.fragment`${sql.join(statements, sql.fragment` UNION ALL `)}`)
}

const rowsOf = (
  source: ResourceType,
  links: readonly IncludeLink[],
  including: Including,
  reached: Reached,
): readonly SqlFragment[] => {
  const news = isNew(reached.known)
  const patients = reached.from.filter(({ type }) => type === 'Patient')
  const isOfPatients = patients.length > 0 && links.some(isSubject)
  const linked = [
    ...indexed(
      links.filter(link => !isSubject(link)),
      reached,
    ),
    ...ofNoPatient(links.filter(isSubject), reached),
    ...(patients.length > 0 && links.some(({ parameter }) => isGroupMember(parameter)) ? [isGroupOf(patients)] : []),
  ]
  return [
    ...(isOfPatients ? [observationsOf(compartmentsOf(patients), including, news)] : []),
    ...(linked.length > 0
      ? [
          includedRows(source, including, {
            from: sql.fragment`${tableOf(source)} AS row`,
            linked: allOf([anyOf(linked), news]),
          }),
        ]
      : []),
    ...(links.some(({ parameter }) => isProvenanceTarget(parameter)) ? uploadsOf(reached.from, including, news) : []),
  ]
}

/** Records of one human share theirs. */
const compartmentsOf = (patients: readonly Placed[]): readonly number[] => [
  ...new Set(patients.map(({ patientId }) => patientId)),
]

/** An Observation's patient is in a column, so these parameters are not in the index. */
const isSubject = ({ source, parameter }: IncludeLink): boolean =>
  source === 'Observation' && (parameter.code === 'subject' || parameter.code === 'patient')

/** The index narrows them down to any of the links, and the content decides. */
const indexed = (links: readonly IncludeLink[], reached: Reached): readonly SqlFragment[] => {
  const asked = links.map(({ parameter, targets }) => ({ parameter, texts: textsOf(targets, reached) }))
  const named = asked.filter(({ texts }) => texts.length > 0)
  if (named.length === 0) return []
  const keys = named.flatMap(({ parameter, texts }) =>
    texts.map(text => String(referenceKey(parameter, withoutVersion(text)))),
  )
  return [
    allOf([
      sql.fragment`row.tokens && ${sql.array([...new Set(keys)], 'int8')}`,
      anyOf(named.map(({ parameter, texts }) => refersTo(parameter, texts))),
    ]),
  ]
}

/** Observations of a Group, a Device or a Location are in no patient's compartment. */
const ofNoPatient = (links: readonly IncludeLink[], reached: Reached): readonly SqlFragment[] =>
  links.flatMap(({ parameter, targets }) => {
    const texts = textsOf(
      targets.filter(type => type !== 'Patient'),
      reached,
    )
    return texts.length === 0 ? [] : [allOf([sql.fragment`row.patient_id = 0`, refersTo(parameter, texts)])]
  })

const textsOf = (targets: readonly ResourceType[], { from, urls }: Reached): readonly string[] => [
  ...from.flatMap(({ type, id }) => (targets.includes(type) ? [`${type}/${id}`] : [])),
  ...urls.flatMap(({ type, text }) => (targets.includes(type) ? [text] : [])),
]

/** As the index has it. */
const withoutVersion = (text: string): string => text.split('|')[0] ?? text

const refersTo = ({ paths }: SearchParameter, texts: readonly string[]): SqlFragment => {
  const any = sql.array([...texts], 'text')
  return someElement(sql.fragment`row.content`, paths, datatype => [
    datatype === 'Reference'
      ? { holds: sql.fragment`split_part(${element} ->> 'reference', '/_history/', 1) = ANY(${any})` }
      : { holds: sql.fragment`${elementText} = ANY(${any})` },
  ])
}

/** The Group of a study in which one of the Patients is enrolled now: that very record, not another one of the same human. */
const isGroupOf = (patients: readonly Placed[]): SqlFragment => sql.fragment`row.id IN (
  SELECT study.group_id FROM study JOIN enrolment ON enrolment.study_id = study.id
  WHERE enrolment.patient_id = ANY(${sql.array([...compartmentsOf(patients)], 'int4')})
    AND enrolment.patient = ANY(${columnOf(patients, ({ id }) => id, 'text')})
    AND ${isEnrolled})`

/** The Provenances of uploads that have brought one of the Observations: by themselves, as very many may have brought the same. */
const uploadsOf = (from: Frontier['from'], including: Including, news: SqlFragment): readonly SqlFragment[] => {
  const observations = from.filter(({ type }) => type === 'Observation')
  if (observations.length === 0) return []
  const places = rowPlaces(observations)
  return [
    includedRows('Provenance', including, {
      from: sql.fragment`(
        SELECT DISTINCT upload_target.patient_id, upload_target.pk FROM ${places}
        JOIN upload_target ON upload_target.patient_id = place.patient_id AND upload_target.observation = place.pk) AS upload
        JOIN provenance AS row ON row.patient_id = upload.patient_id AND row.pk = upload.pk`,
      linked: news,
    }),
  ]
}
