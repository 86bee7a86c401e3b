import type { HumanName, Identifier, Patient } from '@medplum/fhirtypes'
import { escaped } from '../../search/escape.ts'

/** A Patient that is there already and may be the same human, and by what. */
export type Duplicate = { readonly patient: Patient; readonly by: 'identifier' | 'name' }

/** All Patients that a query finds, and that whoever asks may see. */
export type FindPatients = (query: URLSearchParams) => Promise<readonly Patient[]>

/**
 * Of each, those who have one of its identifiers, or its name and birth date. Whoever asks is told only of whom they may see: of all
 * others it is as if there were nobody. `most`: of each, as many as are looked for; first those who have its identifiers.
 */
export const findDuplicates = async (
  find: FindPatients,
  asked: readonly Patient[],
  { most = Number.POSITIVE_INFINITY }: { readonly most?: number } = {},
): Promise<readonly (readonly Duplicate[])[]> => {
  const values = [...new Set(asked.flatMap(({ identifier = [] }) => identifier.flatMap(({ value }) => value ?? [])))]
  const days = [...new Set(asked.flatMap(({ birthDate }) => birthDate ?? []))]
  const byIdentifier = values.length === 0 ? [] : await find(new URLSearchParams({ identifier: oneOf(values) }))
  // Names are spelled in too many ways to be asked for.
  const byName = days.length === 0 ? [] : await find(new URLSearchParams({ birthdate: days.join(',') }))
  const holders = Map.groupBy(byIdentifier.flatMap(heldBy), ({ identifier }) => identifier.value)
  // Where the day is not known many have the same one: each name of theirs is read once, not for each who is asked about.
  const namesakes = Map.groupBy(byName.flatMap(calledBy), ({ called }) => called)
  return asked.map(one => {
    const same = (one.identifier ?? []).flatMap(identifier =>
      (holders.get(identifier.value) ?? []).filter(held => isSame(held.identifier, identifier)),
    )
    const alike = namesOf(one).flatMap(called => namesakes.get(called) ?? [])
    const found = new Map<string | undefined, Duplicate>()
    const add = (by: Duplicate['by']) => (held: { readonly patient: Patient }) => {
      if (!found.has(held.patient.id)) found.set(held.patient.id, { patient: held.patient, by })
      return found.size >= most
    }
    if (!same.some(add('identifier'))) alike.some(add('name'))
    return [...found.values()]
  })
}

/** Takes the lines of one list in their order, and answers the first line before that may be the same human, if there is one. */
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
      // As `isSame` has it.
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

/** Where one of them does not say whose number it is, it may be the same. */
const isSame = (one: Identifier, other: Identifier): boolean =>
  one.value === other.value && (one.system === undefined || other.system === undefined || one.system === other.system)

const calledBy = (patient: Patient) => namesOf(patient).map(called => ({ called, patient }))

/** Each name, so far as it is told apart, with the birth date: who have one in common may be the same. */
const namesOf = ({ name = [], birthDate }: Patient): readonly string[] => [
  ...new Set(name.map(one => `${comparable(one)} ${birthDate}`)),
]

/** Without accents, case, punctuation and blanks: O'Brien is OBrien and O Brien. */
const comparable = ({ text, given = [], family = '' }: HumanName): string =>
  (family === '' && given.length === 0 ? (text ?? '') : `${given.join(' ')} ${family}`)
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '')
