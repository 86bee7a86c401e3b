import { randomUUID } from 'node:crypto'
import { FhirError } from '../../fhir/error.ts'
import { print } from '../../search/print.ts'
import type { Search } from '../../search/search.ts'
import type { Context } from '../interaction.ts'
import type { Entry } from './entry.ts'
import { atEntry, inEntry, thrownAt } from './entry-error.ts'

/** An entry with the resource that it is about. One that is to be created has its id already. */
export type Placed = Entry & {
  readonly index: number
  readonly id: string
  /** `Patient/123`, as other entries may refer to it; absent until criteria have told. */
  readonly target?: string
}

/** What each entry is about, by its names: "If any resource identities overlap, the transaction SHALL fail." */
export type Claims = Map<string, number>

export const place = (entries: readonly Entry[], claims: Claims): readonly Placed[] =>
  entries.map((entry, index) => {
    const { interaction, request, fullUrl } = entry
    const id = 'id' in request ? request.id : randomUUID()
    const placed: Placed = {
      ...entry,
      index,
      id,
      ...('type' in request && interaction.decide === undefined ? { target: `${request.type}/${id}` } : {}),
    }
    if (interaction.method !== 'GET') claim(placed, claims)
    if (fullUrl !== undefined && interaction.method !== 'GET') claimName(fullUrl, index, claims)
    return placed
  })

/** "… including resolved identities from conditional update/delete". */
export const claim = ({ target, index }: Placed, claims: Claims): void => {
  if (target !== undefined) claimName(target, index, claims)
}

/** Two updates that find nothing by the same criteria would create two resources where there should be one. */
export const claimCriteria = ({ type, where }: Pick<Search, 'type' | 'where'>, index: number, claims: Claims): void =>
  claimName(meaningOf({ type, where }), index, claims)

const meaningOf = ({ type, where }: Pick<Search, 'type' | 'where'>): string =>
  `What the criteria ${print(where)} of ${type} mean`

/** What a conditional update created because its criteria matched nothing. */
export type Made = { readonly index: number; readonly id: string; readonly criteria: Search }

/** Called once everything is written: throws FhirError if another entry, or another request meanwhile, has created a second match for such criteria. */
export const requireOnlyOne = async (
  made: readonly Made[],
  claims: Claims,
  { store }: Pick<Context, 'store'>,
): Promise<void> => {
  for (const { index, id, criteria } of made) {
    const matches = await store.matches(criteria, 2).catch(thrownAt(index))
    const another = matches.find(one => one.id !== id)
    if (another !== undefined) throw inEntry(index, overlap(criteria, another.id, claims))
  }
}

/** What a conditional update or patch means, where it met one. */
export type Met = { readonly index: number; readonly criteria: Search }

/** The same if another entry has created a second match for such criteria; `created`: what the transaction has created, such as `Patient/1`. */
export const requireNoSecond = async (
  met: readonly Met[],
  created: ReadonlySet<string>,
  claims: Claims,
  { store }: Pick<Context, 'store'>,
): Promise<void> => {
  const types = new Set([...created].map(target => target.split('/')[0]))
  for (const { index, criteria } of met) {
    if (!types.has(criteria.type)) continue
    // By the criteria alone: PostgreSQL takes far longer to look for all that was created.
    const matches = await store.matches(criteria, mostMatches).catch(thrownAt(index))
    const another = matches.find(({ id }) => created.has(`${criteria.type}/${id}`))
    if (another !== undefined) throw inEntry(index, overlap(criteria, another.id, claims))
  }
}

/** They had one match before, and get few by other entries. */
const mostMatches = 100

const overlap = (criteria: Search, id: string, claims: Claims): FhirError => {
  const target = `${criteria.type}/${id}`
  const other = claims.get(target)
  if (other !== undefined) return claimed(`${meaningOf(criteria)} is also what entry ${other} is about`)
  return new FhirError(
    'conflict',
    `${meaningOf(criteria)} is also ${target}, which is there since this began: send it again`,
  )
}

const claimed = (words: string): FhirError => new FhirError('duplicate', words, { status: 400 })

const claimName = (name: string, index: number, claims: Claims): void =>
  atEntry(index, () => {
    const other = claims.get(name)
    if (other !== undefined && other !== index) throw claimed(`${name} is also what entry ${other} is about`)
    claims.set(name, index)
  })
