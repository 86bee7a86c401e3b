import { membersOf } from './dictionary.ts'
import { codesOf, type Numbers, type Said, unitsOf } from './numbers.ts'

const kindsOf = ({ kind }: Said): readonly string[] => (kind === undefined ? [] : [kind, ...membersOf(kind)])

/** Numbers that no entry has, for what is not in the dictionaries yet. */
export type Placeholders = {
  readonly [what in 'patients' | 'kinds' | 'codes' | 'units']: ReadonlyMap<string, number>
} & {
  /** The members of each kind, by their numbers or placeholders. */
  readonly members: ReadonlyMap<number, readonly number[]>
}

/** Undefined if nothing is missing. */
export const placeholdersFor = (said: readonly Said[], numbers: Numbers): Placeholders | undefined => {
  if (said.every(one => isKnown(one, numbers))) return undefined
  const of = (keysOf: (one: Said) => readonly string[], known: ReadonlyMap<string, number>) => {
    const missing = new Map<string, number>()
    for (const one of said)
      for (const key of keysOf(one))
        if (!known.has(key) && !missing.has(key)) missing.set(key, firstPlaceholder - missing.size)
    return missing
  }
  const kinds = of(kindsOf, numbers.kinds)
  return {
    patients: of(({ subjects }) => subjects, numbers.patients),
    kinds,
    codes: of(codesOf, numbers.codes),
    units: of(unitsOf, numbers.units),
    members: new Map([...kinds].map(([key, number]) => [number, memberNumbers(key, number, [numbers.kinds, kinds])])),
  }
}

const isKnown = (said: Said, { patients, kinds, codes, units }: Numbers): boolean =>
  said.subjects.every(one => patients.has(one)) &&
  (said.kind === undefined || kinds.has(said.kind)) &&
  (said.facts?.codes.every(({ key, unit }) => codes.has(key) && (unit === undefined || units.has(unit))) ?? true) &&
  (said.units.size === 0 || [...said.units].every(one => units.has(one)))

/** Below all numbers with a meaning of their own, such as that of an unknown patient. */
const firstPlaceholder = -1000

const memberNumbers = (key: string, own: number, known: readonly ReadonlyMap<string, number>[]): readonly number[] => {
  const members = membersOf(key).flatMap(member => known.flatMap(numbers => numbers.get(member) ?? []))
  return members.length === 0 ? [own] : members
}

/** Whether any part of it has only a placeholder. */
export const isUnnumbered = (said: Said, { patients, kinds, codes, units }: Placeholders): boolean =>
  said.subjects.some(one => patients.has(one)) ||
  kindsOf(said).some(one => kinds.has(one)) ||
  codesOf(said).some(one => codes.has(one)) ||
  unitsOf(said).some(one => units.has(one))

export const withPlaceholders = (numbers: Numbers, placeholders: Placeholders): Numbers => ({
  patients: new Map([...numbers.patients, ...placeholders.patients]),
  kinds: new Map([...numbers.kinds, ...placeholders.kinds]),
  codes: new Map([...numbers.codes, ...placeholders.codes]),
  units: new Map([...numbers.units, ...placeholders.units]),
  devices: numbers.devices,
})
