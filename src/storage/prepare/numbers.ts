import type { Connection } from '../database.ts'
import type { CandidateFacts } from './candidate.ts'
import type { DeviceSource } from './device-source.ts'
import { type Dictionary, kindKey, membersOf } from './dictionary.ts'
import { type ObservationFacts, unitOfRanges } from './observation-facts.ts'

/** What of a resource the dictionaries number. */
export type Said = {
  /** Its compartment where its subjects do not say it. */
  readonly patientId?: number
  readonly subjects: readonly string[]
  readonly facts: ObservationFacts | undefined
  /** Keys of the units of its quantities that are indexed. */
  readonly units: ReadonlySet<string>
}

/** By what each dictionary names them. */
export type Numbers = {
  readonly patients: ReadonlyMap<string, number>
  readonly kinds: ReadonlyMap<string, number>
  readonly codes: ReadonlyMap<string, number>
  readonly units: ReadonlyMap<string, number>
  readonly devices: ReadonlyMap<string, DeviceSource>
}

/** Of all at once: `find`, as far as they are there; `idsOf`, of those too that are inserted for it. */
export const numbersOf = async (
  connection: Connection,
  dictionary: Dictionary,
  said: readonly Said[],
  how: 'find' | 'idsOf',
): Promise<Numbers> => {
  const facts = said.flatMap(one => one.facts ?? [])
  // Two connections, so that neither waits for the other.
  const [patients, others] = await Promise.all([
    dictionary.patients[how](said.flatMap(({ subjects }) => subjects)),
    factNumbers(connection, dictionary, { facts, units: said.flatMap(one => unitsOf(one)) }, how),
  ])
  return { patients, ...others }
}

type Facts = { readonly facts: readonly ObservationFacts[]; readonly units: readonly string[] }

const factNumbers = async (
  connection: Connection,
  dictionary: Dictionary,
  { facts, units }: Facts,
  how: 'find' | 'idsOf',
): Promise<Omit<Numbers, 'patients'>> => ({
  kinds: await dictionary.kinds[how](facts.flatMap(({ kinds }) => kindKey(kinds) ?? [])),
  codes: await dictionary.codes[how](facts.flatMap(({ codes }) => codes.map(({ key }) => key))),
  units: await dictionary.units[how](units),
  devices: await dictionary.deviceSources.of(connection, new Set(facts.flatMap(({ device }) => device ?? []))),
})

const unitsOf = ({ units, facts }: Said): readonly string[] => [
  ...units,
  ...(facts?.codes ?? []).flatMap(({ unit }) => unit ?? []),
]

const kindsOf = ({ facts }: Said): readonly string[] => {
  const key = facts && kindKey(facts.kinds)
  return key === undefined ? [] : [key, ...membersOf(key)]
}

/** Numbers that no entry has, of what is not in the dictionaries yet. */
export type Placeholders = {
  readonly [what in 'patients' | 'kinds' | 'codes' | 'units']: ReadonlyMap<string, number>
} & {
  /** With its members, of each kind: their numbers, or what stands for them. */
  readonly members: ReadonlyMap<number, readonly number[]>
}

/** Undefined where nothing is missing. */
export const placeholdersFor = (said: readonly Said[], numbers: Numbers): Placeholders | undefined => {
  const of = (keysOf: (one: Said) => readonly string[], known: ReadonlyMap<string, number>) => {
    const missing = new Map<string, number>()
    for (const one of said)
      for (const key of keysOf(one))
        if (!known.has(key) && !missing.has(key)) missing.set(key, firstPlaceholder - missing.size)
    return missing
  }
  const kinds = of(kindsOf, numbers.kinds)
  const missing = {
    patients: of(({ subjects }) => subjects, numbers.patients),
    kinds,
    codes: of(({ facts }) => (facts?.codes ?? []).map(({ key }) => key), numbers.codes),
    units: of(unitsOf, numbers.units),
    members: new Map([...kinds].map(([key, number]) => [number, memberNumbers(key, number, [numbers.kinds, kinds])])),
  }
  return Object.values(missing).every(({ size }) => size === 0) ? undefined : missing
}

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
  (said.facts?.codes ?? []).some(({ key }) => codes.has(key)) ||
  unitsOf(said).some(one => units.has(one))

export const withPlaceholders = (numbers: Numbers, placeholders: Placeholders): Numbers => ({
  patients: new Map([...numbers.patients, ...placeholders.patients]),
  kinds: new Map([...numbers.kinds, ...placeholders.kinds]),
  codes: new Map([...numbers.codes, ...placeholders.codes]),
  units: new Map([...numbers.units, ...placeholders.units]),
  devices: numbers.devices,
})

/** Where the rows of a resource stand, and what they tell, by the numbers. */
export const numbered = ({ patientId: given, subjects, facts }: Said, numbers: Numbers) => {
  const [patientId = 0, ...others] = new Set(subjects.flatMap(subject => numbers.patients.get(subject) ?? []))
  return {
    patientId: given ?? (others.length === 0 ? patientId : 0),
    patientIds: others.length === 0 ? [] : [patientId, ...others],
    ...(facts === undefined ? {} : { facts: numberedFacts(facts, patientId, numbers) }),
  }
}

const numberedFacts = (facts: ObservationFacts, patientId: number, numbers: Numbers): CandidateFacts => {
  const device = facts.device === undefined ? undefined : numbers.devices.get(facts.device)
  const kind = kindKey(facts.kinds)
  const codeOf = ({ key }: { readonly key: string }) => numbers.codes.get(key) ?? 0
  const lowest = Math.min(...facts.codes.filter(({ component }) => component === 0).map(codeOf))
  return {
    kindId: (kind === undefined ? undefined : numbers.kinds.get(kind)) ?? 0,
    // Another patient's device says nothing about this patient's data.
    deviceId: device !== undefined && (device.patientId === 0 || device.patientId === patientId) ? device.deviceId : 0,
    low: facts.low,
    high: facts.high,
    isJoint: facts.isJoint,
    lasting: facts.lasting,
    statistic: facts.statistic,
    codes: facts.codes.map(one => {
      const { component, value, unit, isRange } = one
      const codeId = codeOf(one)
      return {
        component,
        codeId,
        alsoCodeId: component === 0 && codeId !== lowest ? lowest : undefined,
        value,
        unitId: isRange ? unitOfRanges : unit === undefined ? undefined : numbers.units.get(unit),
      }
    }),
  }
}
