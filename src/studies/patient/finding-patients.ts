import type { Patient } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import type { Registry } from '../../fhir/registry.ts'
import { escaped } from '../../search/escape.ts'
import { and, type Expression, not } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Search } from '../../search/search.ts'
import { toAddress } from '../../storage/account/user-account.ts'
import { type PhoneCountry, spellingsOfMobile } from '../../storage/model/mobile-number.ts'
import type { Store } from '../../storage/store.ts'
import { heldPlaces } from '../people/held-places.ts'

/** By what to look for patients; empty texts ask for nothing. */
export type PatientsAsked = {
  /** Beginnings of names, in any order. */
  readonly name: string
  /** A year, a month or a day. */
  readonly birthDate: string
  /** A value, or a system, a bar and a value. */
  readonly identifier: string
  readonly email: string
  /** In whatever way its digits are grouped; without its country code only if `phoneCountry` is set. */
  readonly mobile: string
}

export type PatientOrder = 'name' | 'birth-date' | '-birth-date' | 'registered' | 'changed'

export type PatientsWanted = PatientsAsked & {
  /** Id of a study: only those who are not in it. */
  readonly notIn?: string
}

type Parts = {
  readonly registry: Registry
  readonly openStoreFor: (caller: Caller) => Store
  readonly phoneCountry: PhoneCountry
}

type PatientPage = { readonly patients: readonly Patient[]; readonly next?: string }

type Place = { readonly order?: PatientOrder; readonly cursor: string | undefined; readonly count?: number }

/** A page of those whom the caller may see; by name, unless another order is asked for. */
export const findPatientPage = async (
  parts: Parts,
  caller: Caller,
  asked: PatientsWanted,
  { order = 'name', cursor, count = patientPageSize }: Place,
): Promise<PatientPage> => {
  const search = searchOf(parts, asked, { order, count })
  const { entries, next } = await parts.openStoreFor(caller).search({ ...search, cursor })
  return { patients: entries.map(({ content }) => JSON.parse(content)), ...(next !== undefined && { next }) }
}

/** The ids of all that the pages would list, in the order that costs nothing: sorting ten thousand by name takes ten times as long as finding them. */
export const findAllPatients = async (
  parts: Parts,
  caller: Caller,
  asked: PatientsWanted,
): Promise<readonly string[]> => {
  const store = parts.openStoreFor(caller)
  const search = searchOf(parts, asked, { order: 'registered', count: 1000 })
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const { entries, next } = await store.search({ ...search, cursor })
    ids.push(...entries.map(({ id }) => id))
    cursor = next
  } while (cursor !== undefined)
  return ids
}

export const patientPageSize = 20

/** Patients have the order of their registration if none is asked for, the last first. */
const sorts: Readonly<Record<PatientOrder, Readonly<Record<string, string>>>> = {
  name: { _sort: 'family,given' },
  'birth-date': { _sort: 'birthdate' },
  '-birth-date': { _sort: '-birthdate' },
  registered: {},
  changed: { _sort: '-_lastUpdated' },
}

const searchOf = (
  { registry, phoneCountry }: Parts,
  asked: PatientsWanted,
  { order, count }: Required<Pick<Place, 'order' | 'count'>>,
): Search => {
  const { name, birthDate, identifier, email, mobile, notIn } = asked
  const query = new URLSearchParams({ ...sorts[order], _count: String(count) })
  for (const word of name.split(/\s+/).filter(one => one !== '')) query.append('name', escaped(word))
  if (birthDate !== '') query.set('birthdate', birthDate)
  if (identifier !== '') query.set('identifier', tokenOf(identifier))
  if (email !== '') query.set('email', oneOf(email, toAddress(email)))
  // Records from elsewhere have it under the system `sms`, or as it was typed there.
  if (mobile !== '') query.set('telecom', oneOf(...spellingsOfMobile(mobile, phoneCountry)))
  const search = parseSearch(registry, 'Patient', query)
  return notIn === undefined ? search : { ...search, where: and(search.where, not(placeIn(registry, notIn))) }
}

/** A Patient who has a place in the study now. */
const placeIn = (registry: Registry, study: string): Expression => {
  const parameter = registry.searchParameter('ResearchSubject', 'individual')
  if (parameter === undefined) throw new Error('ResearchSubject has no search parameter individual')
  const { where } = heldPlaces(registry, { study: `ResearchStudy/${study}` })
  return { kind: 'has', source: 'ResearchSubject', parameter, of: where }
}

const oneOf = (...spellings: readonly string[]): string => [...new Set(spellings)].map(escaped).join(',')

const tokenOf = (identifier: string): string => {
  const bar = identifier.lastIndexOf('|')
  return bar < 0 ? escaped(identifier) : `${escaped(identifier.slice(0, bar))}|${escaped(identifier.slice(bar + 1))}`
}
