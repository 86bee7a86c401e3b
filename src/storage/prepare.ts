import type { Observation, Resource } from '@medplum/fhirtypes'
import { ownerSystem, ownerTag } from '../access/owner.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Candidate, CandidateFacts } from './candidate.ts'
import type { Connection } from './database.ts'
import { type Dictionary, kindKey } from './dictionary.ts'
import type { Durations } from './duration.ts'
import { indexRows } from './index-rows.ts'
import { type ObservationFacts, observationFacts } from './observation-facts.ts'
import { sql } from './sql.ts'
import { subjectsOf } from './subject.ts'

/** What preparing needs; the same for every store. */
export type Preparing = {
  readonly registry: Registry
  readonly classes: CodeClasses
  readonly dictionary: Dictionary
  readonly durations: Durations
}

/** A resource on its way to the tables: who it is is decided, what it is about is not looked up yet. */
export type Draft = {
  readonly resource: Resource
  readonly id: string
  readonly pk: string
  readonly version: number
  readonly owner: string | null
  readonly author: number
}

/** Looks up the dictionary numbers of all drafts at once, and computes what each will have in the tables. */
export const prepare = async (
  connection: Connection,
  preparing: Preparing,
  drafts: readonly Draft[],
  lastUpdated: Date,
): Promise<readonly Candidate[]> => {
  const { registry, classes, dictionary } = preparing
  const stamped = drafts.map(draft => {
    const resource = stamp(draft, lastUpdated)
    return { draft, resource, subjects: subjectsOf(registry, resource), facts: factsOf(classes, resource) }
  })
  // Two connections, so that neither waits for the other.
  const [patients, numbers] = await Promise.all([
    dictionary.patients.idsOf(stamped.flatMap(({ subjects }) => subjects)),
    factNumbers(
      connection,
      dictionary,
      stamped.flatMap(({ facts }) => facts ?? []),
    ),
  ])
  const candidates = stamped.map(({ draft, resource, subjects, facts }): Candidate => {
    const patientIds = subjects.flatMap(subject => patients.get(subject) ?? [])
    const [patientId = 0, ...others] = new Set(patientIds)
    return {
      ...draft,
      resource,
      type: resource.resourceType,
      lastUpdated,
      patientId: others.length === 0 ? patientId : 0,
      patientIds: others.length === 0 ? [] : [patientId, ...others],
      content: JSON.stringify(resource),
      index: indexRows(registry, resource),
      ...(facts === undefined ? {} : { facts: numbered(facts, patientId, numbers) }),
    }
  })
  await preparing.durations.widen(candidates.flatMap(({ facts }) => facts ?? []))
  return candidates
}

const stamp = ({ resource, id, version, owner }: Draft, lastUpdated: Date): Resource => {
  const { resourceType, meta, ...rest } = resource
  const { versionId: _, lastUpdated: __, tag = [], ...kept } = meta ?? {}
  const tags = [
    ...tag.filter(({ system }) => system !== ownerSystem),
    ...(resourceType === 'Observation' ? [] : ownerTag(resource, owner)),
  ]
  return {
    resourceType,
    ...rest,
    id,
    meta: {
      ...kept,
      ...(tags.length === 0 ? {} : { tag: tags }),
      versionId: String(version),
      lastUpdated: lastUpdated.toISOString(),
    },
  } as Resource
}

const factsOf = (classes: CodeClasses, resource: Resource): ObservationFacts | undefined =>
  resource.resourceType === 'Observation' ? observationFacts(classes, resource as Observation) : undefined

type Numbers = {
  readonly kinds: ReadonlyMap<string, number>
  readonly codes: ReadonlyMap<string, number>
  readonly units: ReadonlyMap<string, number>
  /** Device id → its source, and the patient it belongs to (0: it is a source itself). */
  readonly devices: ReadonlyMap<string, { readonly deviceId: number; readonly patientId: number }>
}

const factNumbers = async (
  connection: Connection,
  dictionary: Dictionary,
  facts: readonly ObservationFacts[],
): Promise<Numbers> => ({
  kinds: await dictionary.kinds.idsOf(facts.flatMap(({ kinds }) => kindKey(kinds) ?? [])),
  codes: await dictionary.codes.idsOf(facts.flatMap(({ codes }) => codes.map(({ key }) => key))),
  units: await dictionary.units.idsOf(facts.flatMap(({ codes }) => codes.flatMap(({ unit }) => unit ?? []))),
  devices: await devicesOf(connection, dictionary, new Set(facts.flatMap(({ device }) => device ?? []))),
})

/** A Device that is not known is no source, and neither is one of which the source is not known. */
const devicesOf = async (
  connection: Connection,
  dictionary: Dictionary,
  ids: ReadonlySet<string>,
): Promise<Numbers['devices']> => {
  if (ids.size === 0) return new Map()
  const rows = await connection.any<{ id: string; patient_id: number; source: string }>(sql.fragment`
    SELECT device.id, device.patient_id, source.id AS source
    FROM resource_identity AS identity
    JOIN device ON device.patient_id = identity.patient_id AND device.pk = identity.pk
    JOIN device AS source ON source.patient_id = 0
      AND source.id = CASE device.patient_id WHEN 0 THEN device.id
        ELSE split_part(device.content #>> '{parent,reference}', '/', 2) END
    WHERE identity.type_id = (SELECT type_id FROM resource_type WHERE name = 'Device')
      AND identity.id = ANY(${sql.array([...ids], 'text')})`)
  const numbers = await dictionary.devices.idsOf(rows.map(({ source }) => source))
  return new Map(
    rows.map(({ id, patient_id, source }) => [id, { deviceId: numbers.get(source) ?? 0, patientId: patient_id }]),
  )
}

const numbered = (facts: ObservationFacts, patientId: number, numbers: Numbers): CandidateFacts => {
  const device = facts.device === undefined ? undefined : numbers.devices.get(facts.device)
  const kind = kindKey(facts.kinds)
  return {
    kindId: (kind === undefined ? undefined : numbers.kinds.get(kind)) ?? 0,
    // Another patient's device says nothing about this patient's data.
    deviceId: device !== undefined && (device.patientId === 0 || device.patientId === patientId) ? device.deviceId : 0,
    low: facts.low,
    high: facts.high,
    derived: facts.derived,
    codes: facts.codes.map(({ component, key, value, unit }) => ({
      component,
      codeId: numbers.codes.get(key) ?? 0,
      value,
      unitId: unit === undefined ? undefined : numbers.units.get(unit),
    })),
  }
}
