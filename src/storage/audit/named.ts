import type { ResourceType } from '@medplum/fhirtypes'
import type { Expression } from '../../search/expression.ts'
import { print } from '../../search/print.ts'
import type { RowsAsked, Whose } from '../search/rows-asked.ts'
import type { Store } from '../store.ts'
import { askedAbout, type Naming } from './asked-about.ts'
import type { Found } from './concerned.ts'

/** `subjects`: ids of Patients whom the caller named; `rows`: whose the other resources are. */
export type Named = { readonly subjects: readonly string[]; readonly rows: readonly Whose[] }

export type Searched = { readonly type: ResourceType; readonly where: Expression }

/** What is in an answer; with its id if it is a resource that matched. */
export type Answered = Found & { readonly id?: string }

/**
 * Whom a question names, but its matches do not show. Ordinary searches name one patient, and are answered with that patient's data or with nothing:
 * then the store is not asked again. A total or an empty answer reveals something about others who are named only as far as the store shows them to
 * the caller.
 */
export const namedBeside = async (
  store: Store,
  { type, where }: Searched,
  matches: readonly Answered[],
): Promise<Named> => {
  const asked = askedAbout(type, where)
  const isShown = matches.length > 0 && matches.every(({ patientId }) => patientId !== 0)
  const others = isShown ? asked.filter(one => !isOfMatches(one)) : asked
  if (others.length === 0) return nobody
  const met = new Set(matches.map(({ type, id }) => `${type}/${id}`))
  return namedBy(store, isShown ? others.filter(one => !isMet(one, met)) : others)
}

const nobody: Named = { subjects: [], rows: [] }

/** They are the ones to whom the matches belong. A Patient whom the question names in another way, such as by `performer`, need not be. */
const isOfMatches = ({ type, isBound, isOwn, ids = [] }: Naming): boolean =>
  isBound && (isOwn || type !== 'Patient' || ids.length === 0)

/** Each of them is among the matches. */
const isMet = ({ type, ids = [] }: Naming, met: ReadonlySet<string>): boolean =>
  ids.length > 0 && ids.every(id => met.has(`${type}/${id}`))

/**
 * Patients who are named by id are not looked up, and need not exist for the caller. Of everything else, only what the caller may see is recorded.
 */
export const namedBy = async (store: Store, asked: readonly RowsAsked[]): Promise<Named> => {
  const byIds = Map.groupBy(
    asked.filter(({ ids }) => ids !== undefined),
    ({ type }) => type,
  )
  const idsOf = (type: ResourceType) => [...new Set((byIds.get(type) ?? []).flatMap(({ ids = [] }) => ids))]
  const subjects = idsOf('Patient')
  byIds.delete('Patient')
  const identified = [...byIds.keys()].map((type): RowsAsked => {
    const ids = idsOf(type)
    return { type, where: { kind: 'identified', ids }, ids }
  })
  const others = asked.filter(({ ids }) => ids === undefined)
  const once = new Map(others.map(one => [`${one.type} ${print(one.where)}`, one]))
  const rows = [...identified, ...once.values()]
  return { subjects, rows: rows.length === 0 ? [] : await store.whose(rows, 's') }
}
