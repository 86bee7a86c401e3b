import type { ResearchSubject } from '@medplum/fhirtypes'
import type { Registry } from '../../fhir/registry.ts'
import { all, and, type Expression } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Store } from '../../storage/store.ts'

/** The codes of Patients, by reference, in the order of their ResearchSubjects. */
type StudyCodes = (references: Iterable<string>) => Promise<ReadonlyMap<string, readonly string[]>>

type Reading = { readonly store: Pick<Store, 'search'>; readonly registry: Registry; readonly study: string }

/** By which codes a study knows people, as far as the reader of the store may know; whom it was asked for before it keeps. */
export const openStudyCodes = ({ store, registry, study }: Reading): StudyCodes => {
  const known = new Map<string, readonly string[]>()
  const find = async (query: Readonly<Record<string, string>>, where: Expression = all) => {
    const asked = { study: `ResearchStudy/${study}`, _count: '1000', ...query }
    const search = parseSearch(registry, 'ResearchSubject', new URLSearchParams(asked))
    const { entries } = await store.search({ ...search, where: and(search.where, where) })
    return entries.map(({ content }): ResearchSubject => JSON.parse(content))
  }
  /** Also of readings that came by another record of whom the study knows. */
  const ofHuman = (reference: string) =>
    find({}, { kind: 'compartment', of: 'Patient', id: reference.replace('Patient/', '') })
  return async references => {
    const asked = [...new Set(references)].filter(one => !known.has(one))
    for (let start = 0; start < asked.length; start += mostAtOnce) {
      const some = asked.slice(start, start + mostAtOnce)
      const byPatient = Map.groupBy(await find({ individual: some.join(',') }), one => one.individual.reference ?? '')
      for (const one of some) known.set(one, codesOf(byPatient.get(one) ?? (await ofHuman(one))))
    }
    return known
  }
}

/** Of each there may be several, who came and left. */
const mostAtOnce = 100

const codesOf = (subjects: readonly ResearchSubject[]): readonly string[] => [
  ...new Set(subjects.flatMap(({ identifier = [] }) => identifier.flatMap(({ value }) => value ?? []))),
]
