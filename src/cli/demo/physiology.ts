import { type Measure, type Participant, participants, type Source } from './cast.ts'
import { openRandom, type Random } from './random.ts'

/** One measurement. `end` equals `start` if it is at a moment; times are milliseconds since 1970. */
export type Reading = {
  readonly measure: Measure
  readonly source: Source
  readonly start: number
  readonly end: number
  /** In the unit of its document; for blood pressure systolic, then diastolic. */
  readonly values: readonly number[]
}

export const monthDays = 30
const minuteMs = 60_000
const hourMs = 60 * minuteMs
export const dayMs = 24 * hourMs

/** Minutes between two readings, chosen so that everything is loaded in about a minute. */
const everyMinutes = { glucose: 15, heartRate: 20 } as const

/** Hours east of Greenwich all year: the demo has no daylight saving time. */
export const offsetHours: Readonly<Record<Participant['home'], number>> = { riverside: -5, northlake: 1 }

/** The local midnight that ends the last whole day before `now`. */
export const lastMidnight = (home: Participant['home'], now: number): number => {
  const offset = offsetHours[home] * hourMs
  return Math.floor((now + offset) / dayMs) * dayMs - offset
}

/** What the person's devices measured in their last 30 whole days, day by day, in order of time. */
export const measuredDays = (person: Participant, now: number): readonly (readonly Reading[])[] => {
  const first = lastMidnight(person.home, now) - monthDays * dayMs
  return Array.from({ length: monthDays }, (_, day) => measuredOn(person, first + day * dayMs, day))
}

const measuredOn = (person: Participant, midnight: number, day: number): readonly Reading[] => {
  const body = bodyOf(person)
  const night = nightOf(person, day)
  const hours = Array.from({ length: 24 }, (_, hour) => stepsIn(person, day, hour, night))
  const known = { person, body, midnight, day, night, hours }
  const readings = [
    ...(person.wears.includes('patch') ? glucose(known) : []),
    ...(person.wears.includes('band') ? [...bandHeartRate(known), ...steps(known), sleep(known)] : []),
    ...(person.wears.includes('cuff') ? cuff(known) : []),
  ]
  return readings.toSorted((one, other) => one.start - other.start)
}

type Day = {
  readonly person: Participant
  readonly body: Body
  readonly midnight: number
  readonly day: number
  readonly night: Night
  /** The steps in each hour. */
  readonly hours: readonly number[]
}

type Body = {
  readonly fasting: number
  readonly resting: number
  readonly systolic: number
  readonly diastolic: number
}

/** What is usual for the person: older people have higher blood pressure, and one in five has diabetes. */
const bodyOf = ({ number, birthYear }: Participant): Body => {
  const random = openRandom(`body/${number}`)
  const age = 2026 - birthYear
  return {
    fasting: number % 5 === 0 ? random.normal(138, 6) : random.normal(93, 4),
    resting: clamp(random.normal(62, 5), 50, 76),
    systolic: random.normal(106 + age * 0.35, 6),
    diastolic: random.normal(70 + age * 0.15, 4),
  }
}

/** In minutes from the midnight at which the day begins: when they fell asleep (mostly the evening before), and when they woke up. */
type Night = { readonly asleep: number; readonly awake: number }

const nightOf = ({ number }: Participant, day: number): Night => {
  const random = openRandom(`night/${number}/${day}`)
  const asleep = Math.round(clamp(random.normal(-50, 40), -180, 60))
  return { asleep, awake: asleep + Math.round(clamp(random.normal(440, 45), 300, 570)) }
}

const isAsleep = (person: Participant, { day, night }: Pick<Day, 'day' | 'night'>, minute: number): boolean =>
  (minute >= night.asleep && minute < night.awake) || minute >= nightOf(person, day + 1).asleep + 24 * 60

/** The percentage of the day's steps in each hour, for somebody who gets up at seven. */
const walking = [0, 0, 0, 0, 0, 0, 2, 8, 9, 5, 4, 4, 8, 6, 4, 4, 5, 10, 11, 7, 5, 4, 3, 1]

const stepsIn = (person: Participant, day: number, hour: number, night: Night): number => {
  if (isAsleep(person, { day, night }, hour * 60 + 30)) return 0
  const random = openRandom(`steps/${person.number}/${day}/${hour}`)
  const usual = (walking[hour] ?? 0) * (60 + 8 * (person.number % 6))
  return Math.max(0, Math.round(usual * Math.exp(random.normal(-0.1, 0.5))))
}

const meals = [
  { minute: 7.5 * 60, rise: 38 },
  { minute: 12.5 * 60, rise: 45 },
  { minute: 18.75 * 60, rise: 55 },
]

/** A baseline that rises at dawn, a wave after each meal, and a wandering noise. */
const glucose = ({ person, body, midnight, day }: Day): readonly Reading[] => {
  const random = openRandom(`glucose/${person.number}/${day}`)
  const eaten = meals.map(meal => ({
    minute: random.normal(meal.minute, 25),
    rise: Math.max(10, random.normal(meal.rise * (body.fasting / 95), 12)),
  }))
  let noise = 0
  return minutesEach(everyMinutes.glucose).map(minute => {
    noise = 0.8 * noise + random.normal(0, 3)
    const dawn = 8 * Math.exp(-(((minute - 360) / 100) ** 2))
    const waves = eaten.reduce((sum, meal) => sum + meal.rise * wave(minute - meal.minute), 0)
    const value = Math.round(clamp(body.fasting + dawn + waves + noise, 52, 320))
    return momentOf('glucose', 'patch', midnight + minute * minuteMs, [value])
  })
}

/** Rises from 0 to 1 in 45 minutes, and falls again. */
const wave = (minutesAfter: number): number =>
  minutesAfter <= 0 ? 0 : (minutesAfter / 45) * Math.exp(1 - minutesAfter / 45)

const bandHeartRate = (known: Day): readonly Reading[] => {
  const { person, body, midnight, day, hours } = known
  const random = openRandom(`heart/${person.number}/${day}`)
  return minutesEach(everyMinutes.heartRate).map(minute => {
    const walked = hours[Math.floor(minute / 60)] ?? 0
    const usual = isAsleep(person, known, minute) ? body.resting - 6 : body.resting + 8 + Math.min(45, walked / 45)
    return momentOf('heartRate', 'band', midnight + minute * minuteMs, [beats(random, usual)])
  })
}

const beats = (random: Random, usual: number): number => Math.round(clamp(random.normal(usual, 4), 42, 172))

const steps = ({ midnight, hours }: Day): readonly Reading[] =>
  hours.flatMap((count, hour) => {
    const start = midnight + hour * hourMs
    return count === 0 ? [] : [{ measure: 'steps', source: 'band', start, end: start + hourMs, values: [count] }]
  })

const sleep = ({ midnight, night }: Day): Reading => ({
  measure: 'sleep',
  source: 'band',
  start: midnight + night.asleep * minuteMs,
  end: midnight + night.awake * minuteMs,
  values: [night.awake - night.asleep],
})

/** Mornings and evenings; the cuff counts the pulse as well. */
const cuff = ({ person, body, midnight, day, night }: Day): readonly Reading[] => {
  const random = openRandom(`cuff/${person.number}/${day}`)
  return [night.awake + 20, 20 * 60 + 30].flatMap((minute, index) => {
    const start = midnight + (minute + Math.floor(random.uniform() * 15)) * minuteMs
    const systolic = Math.round(clamp(random.normal(body.systolic - 3 + 5 * index, 6), 88, 190))
    const diastolic = Math.round(
      clamp(random.normal(body.diastolic - 2 + 3 * index, 4), 50, Math.min(115, systolic - 20)),
    )
    return [
      momentOf('bloodPressure', 'cuff', start, [systolic, diastolic]),
      momentOf('heartRate', 'cuff', start, [beats(random, body.resting + 5)]),
    ]
  })
}

const minutesEach = (every: number): readonly number[] =>
  Array.from({ length: (24 * 60) / every }, (_, index) => index * every)

const momentOf = (measure: Measure, source: Source, start: number, values: readonly number[]): Reading => ({
  measure,
  source,
  start,
  end: start,
  values,
})

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))

/** The readings of everybody in the latest of their days. */
export const allReadings = (
  now: number,
  latest = monthDays,
): ReadonlyMap<Participant, readonly (readonly Reading[])[]> =>
  new Map(participants.map(person => [person, measuredDays(person, now).slice(-latest)]))
