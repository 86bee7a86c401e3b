import type { Observation, Resource } from '@medplum/fhirtypes'
import { ownerSystem, ownerTag } from '../../access/owner.ts'
import { inSteps, openGiveWay } from '../../fhir/give-way.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { withPlainNumbers } from '../../fhir/plain-numbers.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Connection } from '../database.ts'
import type { Candidate } from './candidate.ts'
import { type Dictionary, kindKey } from './dictionary.ts'
import type { Durations } from './duration.ts'
import { indexRows } from './index-rows.ts'
import { type Numbers, numbered, numbersOf, type Said } from './numbers.ts'
import { type ObservationFacts, observationFacts } from './observation-facts.ts'
import { isUnnumbered, type Placeholders, placeholdersFor, withPlaceholders } from './placeholders.ts'
import { subjectsOf } from './subject.ts'

/** What preparing needs; the same for every store. */
export type Preparing = {
  readonly registry: Registry
  readonly classes: CodeClasses
  readonly dictionary: Dictionary
  readonly durations: Durations
}

/** A resource on its way to the tables: its id and key are decided, but what it is about is not looked up yet. */
export type Draft = {
  readonly resource: Resource
  readonly id: string
  readonly pk: string
  readonly version: number
  readonly owner: string | null
  readonly author: number
  /** Set for what is in the tables already. */
  readonly lastUpdated?: Date
  /** Its compartment, if the content does not say it, as in the Provenance of an upload. */
  readonly patientId?: number
}

/**
 * Looks up the dictionary numbers of all drafts at once, and computes what each will have in the tables; other requests have their turn in between.
 * Nothing is written: entries that the dictionaries lack are made by `numberAll`, once it is known that the drafts may be written.
 */
export const prepare = async (
  connection: Connection,
  preparing: Preparing,
  drafts: readonly Draft[],
  now: Date,
): Promise<readonly Candidate[]> => {
  const giveWay = openGiveWay()
  const stamped: Stamped[] = []
  for (const draft of drafts) {
    await giveWay()
    stamped.push(await stampedDraft(preparing, draft, now))
  }
  const said = stamped.map(one => one.said)
  const found = await numbersOf(connection, preparing.dictionary, said, 'find')
  const placeholders = placeholdersFor(said, found)
  const numbers = placeholders === undefined ? found : withPlaceholders(found, placeholders)
  const candidates: Candidate[] = []
  for (const one of stamped) {
    await giveWay()
    candidates.push(await toCandidate(one, numbers, placeholders))
  }
  await preparing.durations.widen(candidates.filter(isNumbered).flatMap(({ facts }) => facts ?? []))
  return candidates
}

export const isNumbered = ({ unnumbered }: Candidate): boolean => unnumbered === undefined

/** The candidates with numbers for all that they say. Entries that are inserted for that are committed at once. */
export const numberAll = async (
  connection: Connection,
  { dictionary, durations }: Pick<Preparing, 'dictionary' | 'durations'>,
  candidates: readonly Candidate[],
): Promise<readonly Candidate[]> => {
  const said = candidates.flatMap(({ unnumbered }) => unnumbered?.said ?? [])
  if (said.length === 0) return candidates
  const numbers = await numbersOf(connection, dictionary, said, 'idsOf')
  const all = candidates.map(candidate => {
    const { unnumbered, ...one } = candidate
    return unnumbered === undefined ? candidate : { ...one, ...numbered(unnumbered.said, numbers) }
  })
  await durations.widen(all.flatMap(({ facts }) => facts ?? []))
  return all
}

type Stamped = Awaited<ReturnType<typeof stampedDraft>>

const stampedDraft = async ({ registry, classes }: Preparing, draft: Draft, now: Date) => {
  const lastUpdated = draft.lastUpdated ?? now
  const resource = stamp(draft, lastUpdated)
  const index = await inSteps(indexRows(registry, resource))
  const { patientId } = draft
  const facts = factsOf(classes, resource)
  const said: Said = {
    ...(patientId === undefined ? {} : { patientId }),
    subjects: subjectsOf(registry, resource),
    facts,
    kind: facts && kindKey(facts.kinds),
    units: index.units,
  }
  return { draft, lastUpdated, resource, said, index }
}

const toCandidate = async (
  { draft, lastUpdated, resource, said, index }: Stamped,
  numbers: Numbers,
  placeholders: Placeholders | undefined,
): Promise<Candidate> => ({
  ...draft,
  resource,
  type: resource.resourceType,
  lastUpdated,
  content: await withPlainNumbers(JSON.stringify(resource)),
  index,
  ...numbered(said, numbers),
  ...(placeholders !== undefined && isUnnumbered(said, placeholders) ? { unnumbered: { said, placeholders } } : {}),
})

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
