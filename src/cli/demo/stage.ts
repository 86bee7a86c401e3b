import type { Observation } from '@medplum/fhirtypes'
import type { Book } from './book.ts'
import { tellFigures } from './book.ts'
import { type Measure, measures } from './cast.ts'
import { type Figures, figuresOf, isShared, meanOf, type Readings } from './expected.ts'
import type { FhirClient } from './fhir-client.ts'
import { type ColleagueKey, staff } from './staff.ts'
import type { SignIn } from './tokens.ts'
import type { Enrolled, World } from './world.ts'

/** What all scenes of the story need. */
export type Stage = {
  readonly book: Book
  readonly signIn: SignIn
  readonly world: World
  readonly readings: Readings
}

/** A scene: who asks what, and what must come back. */
export type Play = (stage: Stage) => Promise<void>

export const nameOf = (key: ColleagueKey): string => `${staff[key].given} ${staff[key].family}, ${staff[key].title}`

/** The participant with this first name. */
export const participant = ({ world }: Stage, given: string): Enrolled => {
  const found = world.enrolled.find(({ person }) => person.given === given)
  if (found === undefined) throw new Error(`${given} does not take part`)
  return found
}

export const observationsOf = (measure: Measure | 'all', more = ''): string =>
  measure === 'all' ? `Observation?_count=1000${more}` : `Observation?code=${codeOf(measure)}&_count=1000${more}`

/** Without the version, so that all versions and spellings are meant. */
export const codeOf = (measure: Measure): string => measures[measure].schema.split(':').slice(0, 2).join(':')

const units: Readonly<Record<Measure, string>> = {
  glucose: 'mg/dL',
  heartRate: 'beats/min',
  bloodPressure: 'mmHg systolic',
  steps: 'steps in an hour',
  sleep: 'minutes',
}

/** Reads all pages of a search, and compares count, people and mean with what the devices measured. */
export const readFigures = async (
  { book }: Stage,
  reader: FhirClient,
  who: string,
  measure: Measure | 'all',
  wanted: Figures,
): Promise<void> => {
  const asked = observationsOf(measure)
  const { found, durationMs } = await reader.readAll(asked)
  const got = toFigures(found, measure)
  const unit = measure === 'all' ? '' : units[measure]
  book.expect({ who, asked: `GET ${asked}`, got, wanted, told: tellFigures(got, unit), durationMs })
}

const toFigures = (found: readonly Observation[], measure: Measure | 'all'): Figures => ({
  count: found.length,
  people: new Set(found.map(({ subject }) => subject?.reference)).size,
  mean: measure === 'all' ? undefined : meanOf(found.map(measured)),
})

const measured = ({ valueQuantity, component }: Observation): number =>
  valueQuantity?.value ?? component?.[0]?.valueQuantity?.value ?? Number.NaN

export const nothing: Figures = { count: 0, people: 0, mean: undefined }

/** The readings of a measure that the staff of a study, or the clinician, may read. */
export const sharedWith = (
  { readings, world }: Stage,
  to: Parameters<typeof isShared>[2],
  measure: Measure | 'all',
  but?: Enrolled,
): Figures =>
  figuresOf(readings, measure, (person, reading) => person !== but?.person && isShared(person, reading, to, world.now))

/** One request, whose status and body are compared with what is wanted. */
export const askOnce = async <T>(
  { book }: Stage,
  reader: FhirClient,
  who: string,
  path: string,
  // biome-ignore lint/suspicious/noExplicitAny: any resource may come back
  { read, wanted, told }: { read: (status: number, body: any) => T; wanted: T; told?: (got: T) => string },
): Promise<void> => {
  const { status, body, durationMs } = await reader.get(path)
  const got = read(status, body)
  book.expect({
    who,
    asked: `GET ${path}`,
    got,
    wanted,
    durationMs,
    ...(told === undefined ? {} : { told: told(got) }),
  })
}

export const status = (status: number): number => status
// biome-ignore lint/suspicious/noExplicitAny: any resource may come back
export const total = (_status: number, body: any): number => body?.total ?? Number.NaN
