import type { HumanName, Identifier, Patient } from '@medplum/fhirtypes'
import { escaped } from '../search/escape.ts'

/** A Patient that is there already and may be the same human, and by what. */
export type Duplicate = { readonly patient: Patient; readonly by: 'identifier' | 'name' }

/** All Patients that a query finds, and that whoever asks may see. */
export type FindPatients = (query: URLSearchParams) => Promise<readonly Patient[]>

/**
 * Of each, those who have one of its identifiers, or its name and birth date. Whoever asks is told only of whom they may see: of all
 * others it is as if there were nobody.
 */
export const findDuplicates = async (
  find: FindPatients,
  asked: readonly Patient[],
): Promise<readonly (readonly Duplicate[])[]> => {
  const values = [...new Set(asked.flatMap(({ identifier = [] }) => identifier.flatMap(({ value }) => value ?? [])))]
  const days = [...new Set(asked.flatMap(({ birthDate }) => birthDate ?? []))]
  const byIdentifier = values.length === 0 ? [] : await find(new URLSearchParams({ identifier: oneOf(values) }))
  // Names are spelled in too many ways to be asked for.
  const byName = days.length === 0 ? [] : await find(new URLSearchParams({ birthdate: days.join(',') }))
  const holders = Map.groupBy(byIdentifier.flatMap(heldBy), ({ identifier }) => identifier.value)
  const namesakes = Map.groupBy(byName, ({ birthDate }) => birthDate)
  return asked.map(one => {
    const same = (one.identifier ?? []).flatMap(identifier =>
      (holders.get(identifier.value) ?? [])
        .filter(held => isSame(held.identifier, identifier))
        .map(({ patient }) => patient),
    )
    const alike = (namesakes.get(one.birthDate) ?? []).filter(
      other => !same.includes(other) && areNamedAlike(other, one),
    )
    const found = new Map<string | undefined, Duplicate>()
    for (const patient of alike) found.set(patient.id, { patient, by: 'name' })
    for (const patient of same) found.set(patient.id, { patient, by: 'identifier' })
    return [...found.values()]
  })
}

/** Takes the lines of one list in their order, and answers the first line before that may be the same human, if there is one. */
export const openLinesBefore = (): ((line: number, patient: Patient) => number | undefined) => {
  const lineBySystemByValue = new Map<string, Map<string, number>>()
  const lineByName = new Map<string, number>()
  const holdersOf = (value: string) =>
    lineBySystemByValue.get(value) ?? lineBySystemByValue.set(value, new Map()).get(value) ?? new Map()
  return (line, { identifier = [], name = [], birthDate }) => {
    const numbers = identifier.map(({ system = '', value = '' }) => ({ system, holders: holdersOf(value) }))
    const names = name.map(one => `${comparable(one)} ${birthDate}`)
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

const areNamedAlike = ({ name = [] }: Patient, other: Patient): boolean =>
  name.some(one => (other.name ?? []).some(two => comparable(one) === comparable(two)))

/** Without accents, case and punctuation. */
const comparable = ({ text, given = [], family = '' }: HumanName): string =>
  (family === '' && given.length === 0 ? (text ?? '') : `${given.join(' ')} ${family}`)
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
