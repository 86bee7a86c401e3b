import type { ResearchSubject } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'
import { all, and, type Expression, or } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Store } from '../../storage/store.ts'
import { placeStandingOf } from './place-standing.ts'

/** The places of Patients in a study, by reference: there may be several, of somebody who came and left. */
type StudyPlaces = (references: Iterable<string>) => Promise<ReadonlyMap<string, readonly StudyPlace[]>>

type StudyPlace = {
  /** Of the ResearchSubject. */
  readonly id: string
  /** The id of the Patient that was enrolled; the one of a reading may be another record of the same human. */
  readonly patient: string | undefined
  readonly codes: readonly string[]
  readonly isOver: boolean
}

type Reading = { readonly store: Pick<Store, 'search'>; readonly registry: Registry; readonly study: string }

/** The places of people in a study, as far as the reader of the store may know them. Answers are remembered. */
export const openStudyPlaces = ({ store, registry, study }: Reading): StudyPlaces => {
  const known = new Map<string, readonly StudyPlace[]>()
  const find = async (query: Readonly<Record<string, string>>, where: Expression = all) => {
    const asked = { study: `ResearchStudy/${study}`, _count: '1000', ...query }
    const search = parseSearch(registry, 'ResearchSubject', new URLSearchParams(asked))
    const { entries } = await store.search({ ...search, where: and(search.where, where) })
    return entries.map(({ content }): ResearchSubject => JSON.parse(content))
  }
  /** Includes readings that came through another record of somebody whom the study knows. */
  const ofHumans = (...references: readonly string[]) =>
    find(
      {},
      or(...references.map(one => ({ kind: 'compartment', of: 'Patient', id: one.replace('Patient/', '') }) as const)),
    )
  return async references => {
    const asked = [...new Set(references)].filter(one => !known.has(one))
    for (let start = 0; start < asked.length; start += mostAtOnce) {
      const some = asked.slice(start, start + mostAtOnce)
      const byPatient = Map.groupBy(await find({ individual: some.join(',') }), one => one.individual.reference ?? '')
      const others = some.filter(one => !byPatient.has(one))
      // Usually there is none, and then a reader who may see nobody in the study does not ask for each of its people.
      const isAnother = others.length > 0 && (await ofHumans(...others)).length > 0
      for (const one of some) {
        const own = byPatient.get(one) ?? (isAnother ? await ofHumans(one) : [])
        known.set(one, own.map(toPlace))
      }
    }
    return known
  }
}

/** Few, since for each there may be several, who came and left. */
const mostAtOnce = 100

const toPlace = (subject: ResearchSubject): StudyPlace => ({
  id: subject.id ?? '',
  patient: namedId(subject.individual, 'Patient'),
  codes: (subject.identifier ?? []).flatMap(({ value }) => value ?? []),
  isOver: placeStandingOf(subject) === 'over',
})

/** The place that somebody has or, if they have left, had last. */
export const placeOf = (places: readonly StudyPlace[]): StudyPlace | undefined =>
  places.find(({ isOver }) => !isOver) ?? places[0]

/** By which the study knows somebody, in the order of their places. */
export const codesOf = (places: readonly StudyPlace[]): readonly string[] => [
  ...new Set(places.flatMap(({ codes }) => codes)),
]
