import type { Answer, Grantee, Measure, Participant, Permission } from './cast.ts'
import { dayMs, lastMidnight, monthDays, type Reading } from './physiology.ts'

export type Readings = ReadonlyMap<Participant, readonly (readonly Reading[])[]>

/** How many readings, of how many people, and the mean of their (first) value. */
export type Figures = { readonly count: number; readonly people: number; readonly mean: number | undefined }

/** A reading is stored if any Consent of the person permits its kind when the app uploads. */
export const isStored = ({ answers }: Participant, { measure }: Reading): boolean =>
  answers.some(
    ({ answer, permits }) =>
      (answer === 'active' || answer === 'withdrawn') && permits.some(permit => permit.measure === measure),
  )

/** A reading is shared if kind, source and its whole time are permitted. */
export const isShared = (person: Participant, reading: Reading, to: Grantee, now: number): boolean =>
  isStored(person, reading) && permitsTo(person, to).some(permit => covers(permit, person, reading, now))

/** When the data of a permit begins; before everything if it does not say. */
export const permittedFrom = ({ home }: Participant, { fromDay }: Permission, now: number): number => {
  const first = lastMidnight(home, now) - monthDays * dayMs
  return fromDay === undefined ? first - monthDays * dayMs : first + fromDay * dayMs
}

const permitsTo = ({ answers }: Participant, to: Grantee): readonly Permission[] =>
  answers.flatMap((given: Answer) => (given.to === to && given.answer === 'active' ? given.permits : []))

const covers = (permit: Permission, person: Participant, reading: Reading, now: number): boolean =>
  permit.measure === reading.measure &&
  (permit.source === undefined || permit.source === reading.source) &&
  reading.start >= permittedFrom(person, permit, now)

type Chosen = (person: Participant, reading: Reading) => boolean

/** What must come back to somebody who may read exactly what is `chosen`, of one measure or of all. */
export const figuresOf = (readings: Readings, measure: Measure | 'all', chosen: Chosen): Figures => {
  const found = [...readings].map(([person, measured]) =>
    measured.flat().filter(reading => (measure === 'all' || reading.measure === measure) && chosen(person, reading)),
  )
  const values = found.flatMap(of => of.map(({ values }) => values[0] ?? 0))
  return {
    count: values.length,
    people: found.filter(of => of.length > 0).length,
    mean: measure === 'all' ? undefined : meanOf(values),
  }
}

export const meanOf = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
