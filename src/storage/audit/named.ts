import type { ResourceType } from '@medplum/fhirtypes'
import type { Expression } from '../../search/expression.ts'
import { print } from '../../search/print.ts'
import type { RowsAsked, Whose } from '../search/rows-asked.ts'
import type { Store } from '../store.ts'
import { askedAbout, type Naming } from './asked-about.ts'
import type { Found } from './concerned.ts'

/** `subjects`: Patients by id, whom whoever asked named; `rows`: in whose compartments the rest stands. */
export type Named = { readonly subjects: readonly string[]; readonly rows: readonly Whose[] }

export type Searched = { readonly type: ResourceType; readonly where: Expression }

/** What answers a question; where it is a resource that matched, with its id. */
export type Answered = Found & { readonly id?: string }

/**
 * Whom a question names and its matches do not show. Ordinary searches name one patient, and are answered with what is theirs, or with
 * nothing: the store is not asked again. A total or an empty answer tells of others that are named only as much as the store shows of them.
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
  const met = new Set(matches.map(({ id }) => id))
  return namedBy(store, isShown ? others.filter(one => !isMet(one, met)) : others, 's')
}

const nobody: Named = { subjects: [], rows: [] }

/** Whatever matched is theirs. Who performed it, say, is another than whose it is. */
const isOfMatches = ({ type, isBound, isOwn, ids = [] }: Naming): boolean =>
  isBound && (isOwn || type !== 'Patient' || ids.length === 0)

/** It is what matched. */
const isMet = ({ isOwn, ids = [] }: Naming, met: ReadonlySet<string | undefined>): boolean =>
  isOwn && ids.length > 0 && ids.every(id => met.has(id))

/** Patients named by id need not be looked up, nor be there for whoever names them; of all else only what they may see is told. */
export const namedBy = async (store: Store, asked: readonly RowsAsked[], action: 'r' | 's'): Promise<Named> => {
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
  return { subjects, rows: rows.length === 0 ? [] : await store.whose(rows, action) }
}
