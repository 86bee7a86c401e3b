import type { Observation, Resource } from '@medplum/fhirtypes'
import { ownerSystem, ownerTag } from '../../access/owner.ts'
import { openGiveWay } from '../../fhir/give-way.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { withPlainNumbers } from '../../fhir/plain-numbers.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Connection } from '../database.ts'
import type { Candidate, CandidateFacts } from './candidate.ts'
import type { DeviceSource } from './device-source.ts'
import { type Dictionary, kindKey } from './dictionary.ts'
import type { Durations } from './duration.ts'
import { indexRows } from './index-rows.ts'
import { type ObservationFacts, observationFacts, unitOfRanges } from './observation-facts.ts'
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
  /** Of what is in the tables already. */
  readonly lastUpdated?: Date
  /** Its compartment where its content does not say it: of the Provenance of an upload. */
  readonly patientId?: number
}

/** Looks up the dictionary numbers of all drafts at once, and computes what each will have in the tables; others have their turn between two. */
export const prepare = async (
  connection: Connection,
  preparing: Preparing,
  drafts: readonly Draft[],
  now: Date,
): Promise<readonly Candidate[]> => {
  const { dictionary } = preparing
  const giveWay = openGiveWay()
  const stamped: Stamped[] = []
  for (const draft of drafts) {
    await giveWay()
    stamped.push(stampedDraft(preparing, draft, now))
  }
  // Two connections, so that neither waits for the other.
  const [patients, numbers] = await Promise.all([
    dictionary.patients.idsOf(stamped.flatMap(({ subjects }) => subjects)),
    factNumbers(
      connection,
      dictionary,
      stamped.flatMap(({ facts }) => facts ?? []),
      stamped.flatMap(({ index }) => [...index.units]),
    ),
  ])
  const candidates: Candidate[] = []
  for (const one of stamped) {
    await giveWay()
    candidates.push(await toCandidate(one, patients, numbers))
  }
  await preparing.durations.widen(candidates.flatMap(({ facts }) => facts ?? []))
  return candidates
}

type Stamped = ReturnType<typeof stampedDraft>

const stampedDraft = ({ registry, classes }: Preparing, draft: Draft, now: Date) => {
  const lastUpdated = draft.lastUpdated ?? now
  const resource = stamp(draft, lastUpdated)
  return {
    draft,
    lastUpdated,
    resource,
    subjects: subjectsOf(registry, resource),
    facts: factsOf(classes, resource),
    index: indexRows(registry, resource),
  }
}

const toCandidate = async (
  { draft, lastUpdated, resource, subjects, facts, index }: Stamped,
  patients: ReadonlyMap<string, number>,
  numbers: Numbers,
): Promise<Candidate> => {
  const patientIds = subjects.flatMap(subject => patients.get(subject) ?? [])
  const [patientId = 0, ...others] = new Set(patientIds)
  return {
    ...draft,
    resource,
    type: resource.resourceType,
    lastUpdated,
    patientId: draft.patientId ?? (others.length === 0 ? patientId : 0),
    patientIds: others.length === 0 ? [] : [patientId, ...others],
    content: await withPlainNumbers(JSON.stringify(resource)),
    index,
    ...(facts === undefined ? {} : { facts: numbered(facts, patientId, numbers) }),
  }
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
  readonly devices: ReadonlyMap<string, DeviceSource>
}

const factNumbers = async (
  connection: Connection,
  dictionary: Dictionary,
  facts: readonly ObservationFacts[],
  otherUnits: readonly string[],
): Promise<Numbers> => ({
  kinds: await dictionary.kinds.idsOf(facts.flatMap(({ kinds }) => kindKey(kinds) ?? [])),
  codes: await dictionary.codes.idsOf(facts.flatMap(({ codes }) => codes.map(({ key }) => key))),
  units: await dictionary.units.idsOf([
    ...otherUnits,
    ...facts.flatMap(({ codes }) => codes.flatMap(({ unit }) => unit ?? [])),
  ]),
  devices: await dictionary.deviceSources.of(connection, new Set(facts.flatMap(({ device }) => device ?? []))),
})

const numbered = (facts: ObservationFacts, patientId: number, numbers: Numbers): CandidateFacts => {
  const device = facts.device === undefined ? undefined : numbers.devices.get(facts.device)
  const kind = kindKey(facts.kinds)
  const codeOf = ({ key }: { readonly key: string }) => numbers.codes.get(key) ?? 0
  const lowest = Math.min(...facts.codes.filter(({ component }) => component === 0).map(codeOf))
  return {
    kindId: (kind === undefined ? undefined : numbers.kinds.get(kind)) ?? 0,
    // Another patient's device says nothing about this patient's data.
    deviceId: device !== undefined && (device.patientId === 0 || device.patientId === patientId) ? device.deviceId : 0,
    low: facts.low,
    high: facts.high,
    isJoint: facts.isJoint,
    lasting: facts.lasting,
    statistic: facts.statistic,
    codes: facts.codes.map(one => {
      const { component, value, unit, isRange } = one
      const codeId = codeOf(one)
      return {
        component,
        codeId,
        alsoCodeId: component === 0 && codeId !== lowest ? lowest : undefined,
        value,
        unitId: isRange ? unitOfRanges : unit === undefined ? undefined : numbers.units.get(unit),
      }
    }),
  }
}
