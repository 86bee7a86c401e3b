/** What the devices of the demo measure, by the name that this folder uses. */
export type Measure = 'glucose' | 'heartRate' | 'bloodPressure' | 'steps' | 'sleep'

export type Source = 'patch' | 'band' | 'cuff'

/** `schema` is the Open mHealth schema of the documents; its class is the kind that people consent to. */
export const measures: Readonly<Record<Measure, { readonly schema: string; readonly display: string }>> = {
  glucose: { schema: 'omh:blood-glucose:4.0', display: 'Blood glucose' },
  heartRate: { schema: 'omh:heart-rate:2.0', display: 'Heart rate' },
  bloodPressure: { schema: 'omh:blood-pressure:4.0', display: 'Blood pressure' },
  steps: { schema: 'omh:step-count:3.0', display: 'Step count' },
  sleep: { schema: 'omh:sleep-duration:2.0', display: 'Sleep duration' },
}

export const kindOf = (measure: Measure): string => measures[measure].schema.replace(/:[\d.]+$/, '')

type SourceFacts = { readonly manufacturer: string; readonly model: string; readonly delivers: readonly Measure[] }

export const sources: Readonly<Record<Source, SourceFacts>> = {
  patch: { manufacturer: 'Lumina', model: 'Lumina glucose patch', delivers: ['glucose'] },
  band: { manufacturer: 'Tidewell', model: 'Tidewell band', delivers: ['heartRate', 'steps', 'sleep'] },
  cuff: { manufacturer: 'Harbor', model: 'Harbor upper arm cuff', delivers: ['bloodPressure', 'heartRate'] },
}

export type Grantee = 'metabolism' | 'shifts' | 'clinician'

/** One permit of a Consent. */
export type Permission = {
  readonly measure: Measure
  /** Absent: from any source. */
  readonly source?: Source
  /** The first day of the data, counted from the first one generated; absent: all there is. */
  readonly fromDay?: number
}

export type Answer = {
  readonly to: Grantee
  /** The person's answer to the proposed Consent; `withdrawn`: given at first, and ended after the upload. */
  readonly answer: 'active' | 'proposed' | 'rejected' | 'withdrawn'
  readonly permits: readonly Permission[]
}

type Home = 'riverside' | 'northlake'

export type Participant = {
  readonly number: number
  readonly given: string
  readonly family: string
  readonly gender: 'female' | 'male' | 'other'
  readonly birthYear: number
  /** The institution to which the patient belongs. */
  readonly home: Home
  readonly wears: readonly Source[]
  readonly answers: readonly Answer[]
}

/** What each study asks for. */
export const requested: Readonly<Record<Exclude<Grantee, 'clinician'>, readonly Permission[]>> = {
  metabolism: [
    { measure: 'glucose', source: 'patch' },
    { measure: 'heartRate' },
    { measure: 'bloodPressure', source: 'cuff' },
    { measure: 'sleep' },
  ],
  shifts: [{ measure: 'heartRate', source: 'band' }, { measure: 'steps' }, { measure: 'sleep' }],
}

const only = (to: keyof typeof requested, ...wanted: readonly Measure[]): readonly Permission[] =>
  requested[to].filter(({ measure }) => wanted.includes(measure))

const metabolism = (answer: Answer['answer'], permits = requested.metabolism): Answer => ({
  to: 'metabolism',
  answer,
  permits,
})
const shifts = (answer: Answer['answer'], permits = requested.shifts): Answer => ({ to: 'shifts', answer, permits })
const clinician = (...wanted: readonly Measure[]): Answer => ({
  to: 'clinician',
  answer: 'active',
  permits: wanted.map(measure => ({ measure })),
})

const lastTenDays = requested.metabolism.map(permission => ({ ...permission, fromDay: 20 }))
const bandOnly: readonly Permission[] = [
  { measure: 'heartRate', source: 'band' },
  { measure: 'glucose', source: 'patch' },
]

const everything: readonly Source[] = ['patch', 'band', 'cuff']
const riverside = (
  [given, family, gender, birthYear]: readonly [string, string, Participant['gender'], number],
  answers: readonly Answer[],
  wears = everything,
) => ({ given, family, gender, birthYear, home: 'riverside' as const, wears, answers })
const northlake = (
  [given, family, gender, birthYear]: readonly [string, string, Participant['gender'], number],
  answers: readonly Answer[],
) => ({ given, family, gender, birthYear, home: 'northlake' as const, wears: ['band'] as const, answers })

const rows: readonly Omit<Participant, 'number'>[] = [
  riverside(['Ana', 'Castillo', 'female', 1984], [metabolism('active'), clinician('bloodPressure', 'heartRate')]),
  riverside(['Ben', 'Okafor', 'male', 1972], [metabolism('active'), clinician('bloodPressure')]),
  riverside(['Chloe', 'Marchetti', 'female', 1991], [metabolism('active')]),
  riverside(['David', 'Nakamura', 'male', 1966], [metabolism('active')]),
  riverside(['Elif', 'Demir', 'female', 1979], [metabolism('active', bandOnly)]),
  riverside(
    ['Frank', 'Sorensen', 'male', 1958],
    [metabolism('active', only('metabolism', 'heartRate', 'bloodPressure'))],
  ),
  riverside(
    ['Grace', 'Mbeki', 'female', 1988],
    [metabolism('active', only('metabolism', 'glucose'))],
    ['patch', 'cuff'],
  ),
  riverside(['Hugo', 'Laurent', 'male', 1995], [metabolism('active', lastTenDays)]),
  riverside(['Ines', 'Pereira', 'female', 1969], [metabolism('active')]),
  riverside(['Jonas', 'Weber', 'male', 1982], [metabolism('active'), shifts('active')]),
  riverside(['Kavya', 'Raman', 'female', 1993], [metabolism('proposed')]),
  riverside(
    ['Liam', 'Byrne', 'male', 1961],
    [metabolism('rejected'), clinician('glucose', 'bloodPressure')],
    ['patch', 'cuff'],
  ),
  riverside(['Mei', 'Tan', 'female', 1977], [metabolism('withdrawn')], ['band', 'cuff']),
  northlake(['Noor', 'Haddad', 'female', 1990], [shifts('active')]),
  northlake(['Oskar', 'Lindgren', 'male', 1986], [shifts('active')]),
  northlake(['Priya', 'Nair', 'female', 1998], [shifts('active')]),
  northlake(['Quinn', 'Abbott', 'other', 1975], [shifts('active')]),
  northlake(['Rosa', 'Jimenez', 'female', 1963], [shifts('active', only('shifts', 'steps'))]),
  northlake(['Sami', 'Virtanen', 'male', 1989], [shifts('proposed')]),
  northlake(['Tomas', 'Novak', 'male', 1970], [shifts('rejected')]),
]

export const participants: readonly Participant[] = rows.map((row, index) => ({ ...row, number: index + 1 }))
