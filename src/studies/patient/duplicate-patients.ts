import type { HumanName, Identifier, Patient } from '@medplum/fhirtypes'
import { escaped } from '../../search/escape.ts'
import { fold } from '../../storage/values/string.ts'

/** A Patient who is there already and may be the same human, and what they have in common. */
export type Duplicate = { readonly patient: Patient; readonly by: 'identifier' | 'name' }

/** All Patients that a query finds and that the asker may see. Others among them do no harm. */
export type FindPatients = (query: URLSearchParams) => Promise<readonly Patient[]>

/** For each Patient, the Duplicates that there are. */
type FindDuplicates = (asked: readonly Patient[]) => Promise<readonly (readonly Duplicate[])[]>

/**
 * For each Patient, those who have one of its identifiers, or its name and birth date. The asker learns only of those whom they may see, as
 * if nobody else were there. `most`: how many to find for each, beginning with those who share an identifier. For one part of a list after the
 * other: of dates that many have, as where the day is not known, all people are found for the first part, and remembered for the others.
 */
export const openDuplicates = (
  find: FindPatients,
  { most = Number.POSITIVE_INFINITY }: { readonly most?: number } = {},
): FindDuplicates => {
  const crowds = new Map<string, Namesakes>()
  return async asked => {
    const values = [...new Set(asked.flatMap(({ identifier = [] }) => identifier.flatMap(({ value }) => value ?? [])))]
    const days = new Set(asked.flatMap(({ birthDate }) => birthDate ?? []))
    const byIdentifier = values.length === 0 ? [] : await find(new URLSearchParams({ identifier: oneOf(values) }))
    const born = await namesakesBornOn(find, [...days.difference(crowds)])
    for (const [day, namesakes] of born) if (namesakes.size > crowd) crowds.set(day, namesakes)
    const holders = Map.groupBy(byIdentifier.flatMap(heldBy), ({ identifier }) => identifier.value)
    return asked.map(one => {
      const same = (one.identifier ?? []).flatMap(identifier =>
        (holders.get(identifier.value) ?? []).filter(held => isSame(held.identifier, identifier)),
      )
      const { birthDate = '' } = one
      const namesakes = crowds.get(birthDate) ?? born.get(birthDate)
      const alike = namesOf(one).flatMap(called => namesakes?.get(called) ?? [])
      const found = new Map<string | undefined, Duplicate>()
      const add = (by: Duplicate['by']) => (held: { readonly patient: Patient }) => {
        if (!found.has(held.patient.id)) found.set(held.patient.id, { patient: held.patient, by })
        return found.size >= most
      }
      if (!same.some(add('identifier'))) alike.some(add('name'))
      return [...found.values()]
    })
  }
}

/** The same for Patients who are all asked about at once. */
export const findDuplicates = (find: FindPatients, asked: readonly Patient[]): ReturnType<FindDuplicates> =>
  openDuplicates(find)(asked)

/** Finds among these alone. For `identifier`, it answers all of them: `openDuplicates` compares each. */
export const amongPatients =
  (patients: readonly Patient[]): FindPatients =>
  async query => {
    const days = query.get('birthdate')?.split(',')
    if (days === undefined) return patients
    const asked = new Set(days)
    return patients.filter(({ birthDate = '' }) => asked.has(birthDate))
  }

/** People of one birth date, by their names in comparable form. */
type Namesakes = ReadonlyMap<string, readonly { readonly patient: Patient }[]>

/** How many names of one birth date are few enough to be found anew for each part. */
const crowd = 20

/** By birth date. Names are spelled in too many ways to search for them: each is read once, and not once for everybody who is asked about. */
const namesakesBornOn = async (
  find: FindPatients,
  days: readonly string[],
): Promise<ReadonlyMap<string, Namesakes>> => {
  const found = days.length === 0 ? [] : await find(new URLSearchParams({ birthdate: days.join(',') }))
  const byDay = Map.groupBy(found, ({ birthDate = '' }) => birthDate)
  return new Map(
    [...byDay].map(([day, patients]) => [day, Map.groupBy(patients.flatMap(calledBy), ({ called }) => called)]),
  )
}

/** Takes the lines of a list in their order, and answers the first earlier line that may be the same human, if there is one. */
export const openLinesBefore = (): ((line: number, patient: Patient) => number | undefined) => {
  const lineBySystemByValue = new Map<string, Map<string, number>>()
  const lineByName = new Map<string, number>()
  const holdersOf = (value: string) =>
    lineBySystemByValue.get(value) ?? lineBySystemByValue.set(value, new Map()).get(value) ?? new Map()
  return (line, patient) => {
    const { identifier = [] } = patient
    const numbers = identifier.map(({ system = '', value = '' }) => ({ system, holders: holdersOf(value) }))
    const names = namesOf(patient)
    const before = [
      // The same rule as in `isSame`.
      ...numbers.flatMap(({ system, holders }) =>
        system === '' ? [...holders.values()].slice(0, 1) : [holders.get(system), holders.get('')],
      ),
      ...names.map(one => lineByName.get(one)),
    ].filter(one => one !== undefined)
    for (const { system, holders } of numbers) if (!holders.has(system)) holders.set(system, line)
    for (const one of names) if (!lineByName.has(one)) lineByName.set(one, line)
    return before.length === 0 ? undefined : Math.min(...before)
  }
}

const oneOf = (values: readonly string[]): string => values.map(escaped).join(',')

const heldBy = (patient: Patient) => (patient.identifier ?? []).map(identifier => ({ identifier, patient }))

/** If one of them does not say its system, it may be the same. */
const isSame = (one: Identifier, other: Identifier): boolean =>
  one.value === other.value && (one.system === undefined || other.system === undefined || one.system === other.system)

const calledBy = (patient: Patient) => namesOf(patient).map(called => ({ called, patient }))

/** Each name, in comparable form, with the birth date: Patients who have one of these in common may be the same. */
const namesOf = ({ name = [], birthDate }: Patient): readonly string[] => [
  ...new Set(name.map(one => `${comparable(one)} ${birthDate}`)),
]

/** Without accents, case, punctuation and blanks: O'Brien is OBrien and O Brien. A name of nothing else is what it is. */
const comparable = ({ text = '', given = [], family = '' }: HumanName): string => {
  const name = family === '' && given.length === 0 ? text : `${given.join(' ')} ${family}`
  return (
    fold(name)
      .replace(points, '')
      .replace(/[^\p{L}\p{M}\p{N}]+/gu, '') || name.trim()
  )
}

/** Of Hebrew and Arabic, which are mostly written without them. In other scripts, such as Devanagari and Thai, marks are letters. */
const points = /[\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]/g
