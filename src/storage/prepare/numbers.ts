import type { Interval } from '../../fhir/date.ts'
import type { Connection } from '../database.ts'
import type { DeviceSource } from './device-source.ts'
import type { Dictionary } from './dictionary.ts'
import { type ObservationFacts, unitOfRanges } from './observation-facts.ts'

/** The parts of a resource for which the dictionaries have numbers. */
export type Said = {
  /** Its compartment, if its subjects do not say it. */
  readonly patientId?: number
  readonly subjects: readonly string[]
  readonly facts: ObservationFacts | undefined
  /** The key of all its kinds together. */
  readonly kind: string | undefined
  /** Keys of the units of its quantities that are indexed. */
  readonly units: ReadonlySet<string>
}

/** By the key in each dictionary. */
export type Numbers = {
  readonly patients: ReadonlyMap<string, number>
  readonly kinds: ReadonlyMap<string, number>
  readonly codes: ReadonlyMap<string, number>
  readonly units: ReadonlyMap<string, number>
  readonly devices: ReadonlyMap<string, DeviceSource>
}

/** The facts of an Observation, as its tables hold them. */
export type CandidateFacts = {
  readonly kindId: number
  readonly deviceId: number
  readonly low: string
  readonly high: string
  readonly isJoint: boolean
  readonly lasting: Interval | undefined
  readonly statistic: number
  readonly codes: readonly {
    readonly component: number
    readonly codeId: number
    /** The lowest of the classes of the Observation's own code, if this is another one of them. */
    readonly alsoCodeId: number | undefined
    readonly value: string | undefined
    readonly unitId: number | undefined
  }[]
}

/** The numbers of all at once. `find`: those that are there. `idsOf`: all, inserting those that are missing. */
export const numbersOf = async (
  connection: Connection,
  dictionary: Dictionary,
  said: readonly Said[],
  how: 'find' | 'idsOf',
): Promise<Numbers> => {
  // Two connections, so that neither waits for the other.
  const [patients, others] = await Promise.all([
    dictionary.patients[how](said.flatMap(({ subjects }) => subjects)),
    factNumbers(connection, dictionary, said, how),
  ])
  return { patients, ...others }
}

const factNumbers = async (
  connection: Connection,
  dictionary: Dictionary,
  said: readonly Said[],
  how: 'find' | 'idsOf',
): Promise<Omit<Numbers, 'patients'>> => ({
  kinds: await dictionary.kinds[how](said.flatMap(({ kind }) => kind ?? [])),
  codes: await dictionary.codes[how](said.flatMap(codesOf)),
  units: await dictionary.units[how](said.flatMap(unitsOf)),
  devices: await dictionary.deviceSources.of(connection, new Set(said.flatMap(({ facts }) => facts?.device ?? []))),
})

export const codesOf = ({ facts }: Said): readonly string[] => facts?.codes.map(({ key }) => key) ?? []

export const unitsOf = ({ units, facts }: Said): readonly string[] => [
  ...units,
  ...(facts?.codes.flatMap(({ unit }) => unit ?? []) ?? []),
]

/** The key and the facts of a resource's rows, with their numbers. */
export const numbered = ({ patientId: given, subjects, facts, kind }: Said, numbers: Numbers) => {
  const [patientId = 0, ...others] = new Set(subjects.flatMap(subject => numbers.patients.get(subject) ?? []))
  return {
    patientId: given ?? (others.length === 0 ? patientId : 0),
    patientIds: others.length === 0 ? [] : [patientId, ...others],
    ...(facts === undefined ? {} : { facts: numberedFacts(facts, kind, { patientId, numbers }) }),
  }
}

type Numbered = { readonly patientId: number; readonly numbers: Numbers }

const numberedFacts = (
  facts: ObservationFacts,
  kind: string | undefined,
  { patientId, numbers }: Numbered,
): CandidateFacts => {
  const device = facts.device === undefined ? undefined : numbers.devices.get(facts.device)
  const codeOf = ({ key }: { readonly key: string }) => numbers.codes.get(key) ?? 0
  // There may be more codes than a function can have arguments.
  const lowest = facts.codes.reduce(
    (least, one) => (one.component === 0 ? Math.min(least, codeOf(one)) : least),
    Infinity,
  )
  return {
    kindId: (kind === undefined ? undefined : numbers.kinds.get(kind)) ?? 0,
    // The device of another patient says nothing about the source of this patient's data.
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
