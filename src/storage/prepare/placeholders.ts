import { membersOf } from './dictionary.ts'
import { codesOf, type Numbers, type Said, unitsOf } from './numbers.ts'

const kindsOf = ({ kind }: Said): readonly string[] => (kind === undefined ? [] : [kind, ...membersOf(kind)])

/** Numbers that no entry has, of what is not in the dictionaries yet. */
export type Placeholders = {
  readonly [what in 'patients' | 'kinds' | 'codes' | 'units']: ReadonlyMap<string, number>
} & {
  /** With its members, of each kind: their numbers, or what stands for them. */
  readonly members: ReadonlyMap<number, readonly number[]>
}

/** Undefined where nothing is missing. */
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

/** Below all that stands for something of its own, such as a patient who is not known. */
const firstPlaceholder = -1000

const memberNumbers = (key: string, own: number, known: readonly ReadonlyMap<string, number>[]): readonly number[] => {
  const members = membersOf(key).flatMap(member => known.flatMap(numbers => numbers.get(member) ?? []))
  return members.length === 0 ? [own] : members
}

/** Whether something of it has a placeholder alone. */
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
