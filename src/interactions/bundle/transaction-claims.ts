import { randomUUID } from 'node:crypto'
import { FhirError } from '../../fhir/error.ts'
import { and } from '../../search/expression.ts'
import { print } from '../../search/print.ts'
import type { Search } from '../../search/search.ts'
import type { Stored } from '../../storage/store.ts'
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

/** By type, the ids of what the transaction has created. */
export type Created = Map<string, string[]>

export const noteCreated = (created: Created, { type, id }: Pick<Stored, 'type' | 'id'>): void => {
  const ids = created.get(type)
  if (ids === undefined) created.set(type, [id])
  else ids.push(id)
}

/** Called once everything is written: throws FhirError if another entry has created a second match for such criteria. */
export const requireNoSecond = async (
  met: readonly Met[],
  created: Created,
  claims: Claims,
  { store }: Pick<Context, 'store'>,
): Promise<void> => {
  for (const { index, criteria } of met) {
    const ids = created.get(criteria.type)
    if (ids === undefined) continue
    const second = { ...criteria, where: and(criteria.where, { kind: 'identified', ids }) }
    const [another] = await store.matches(second, 1).catch(thrownAt(index))
    if (another !== undefined) throw inEntry(index, overlap(criteria, another.id, claims))
  }
}

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
