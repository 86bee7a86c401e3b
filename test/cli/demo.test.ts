import t from 'tap'
import { kindOf, type Measure, participants, requested } from '../../src/cli/demo/cast.ts'
import { toConsent } from '../../src/cli/demo/consent.ts'
import { toObservation } from '../../src/cli/demo/document.ts'
import { figuresOf, isShared, isStored } from '../../src/cli/demo/expected.ts'
import { allReadings, dayMs, measuredDays, monthDays } from '../../src/cli/demo/physiology.ts'
import type { Ids } from '../../src/cli/demo/world.ts'
import { atOnce } from '../../src/fhir/give-way.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { openMhealth } from '../../src/mhealth/mhealth.ts'
import { wrongShape } from '../support/consent-shape.ts'

const now = Date.parse('2026-03-31T15:20:00Z')
const readings = allReadings(now)
const every = [...readings].flatMap(([person, measured]) => measured.flat().map(reading => ({ person, reading })))

t.test('the same person and day give the same readings, another person others', t => {
  const [first, second] = participants
  if (first === undefined || second === undefined) throw new Error('nobody takes part')
  const told = (of: typeof first) => JSON.stringify(measuredDays(of, now))
  t.equal(told(first), told(first))
  t.not(told(first), told({ ...second, wears: first.wears }))
  t.end()
})

t.test('a month is measured, none of it in the future', t => {
  t.equal(participants.length, 20)
  t.ok([...readings.values()].every(measured => measured.length === monthDays))
  t.ok(every.every(({ reading }) => reading.end <= now && reading.start >= now - (monthDays + 2) * dayMs))
  t.ok(every.length > 60_000 && every.length < 150_000, `${every.length} readings`)
  t.end()
})

t.test('with fewer days it is the latest ones', t => {
  const week = allReadings(now, 7)
  for (const [person, measured] of readings) t.same(week.get(person), measured.slice(-7))
  t.end()
})

t.test('no two readings of a person have the same measure, source and time', t => {
  const keys = every.map(
    ({ person, reading: { measure, source, start } }) => `${person.number}/${measure}/${source}/${start}`,
  )
  t.equal(new Set(keys).size, keys.length)
  t.end()
})

const plausible: Readonly<Record<Measure, readonly [low: number, high: number, meanLow: number, meanHigh: number]>> = {
  glucose: [52, 320, 95, 150],
  heartRate: [42, 172, 58, 90],
  bloodPressure: [88, 190, 110, 140],
  steps: [1, 8000, 200, 900],
  sleep: [300, 570, 420, 460],
}

t.test('generated readings are plausible', t => {
  for (const [measure, [low, high, meanLow, meanHigh]] of Object.entries(plausible)) {
    const values = every.flatMap(({ reading }) => (reading.measure === measure ? (reading.values[0] ?? 0) : []))
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    t.ok(
      values.every(value => value >= low && value <= high),
      measure,
    )
    t.ok(mean > meanLow && mean < meanHigh, `${measure}: mean ${mean}`)
  }
  const pressures = every.filter(({ reading }) => reading.measure === 'bloodPressure')
  t.ok(
    pressures.every(
      ({
        reading: {
          values: [systolic = 0, diastolic = 0],
        },
      }) => systolic - diastolic >= 20,
    ),
  )
  t.end()
})

t.test('every document is received without a warning, as the kind for which it was made', t => {
  const mhealth = openMhealth({ codeClasses: openCodeClasses() })
  const ids = { patient: 'ana', device: 'band' }
  const sample = every.filter((_, index) => index % 7 === 0)
  const refused = sample.filter(({ person, reading }) => {
    const observation = toObservation(person, reading, ids)
    const document = atOnce(mhealth.documentOf(observation))
    const { issues, resource, uploadKey } = atOnce(mhealth.receive(observation)).under('strict')
    const value = resource.valueQuantity?.value ?? resource.component?.[0]?.valueQuantity?.value
    const kind = document && mhealth.classOf(document.id)
    return (
      issues.length > 0 || uploadKey === undefined || kind !== kindOf(reading.measure) || value !== reading.values[0]
    )
  })
  t.same(refused, [])
  t.end()
})

t.test('nobody permits what a study does not ask for', t => {
  for (const { answers } of participants) {
    for (const { to, permits } of answers) {
      if (to === 'clinician') continue
      const asked = requested[to]
      t.ok(
        permits.every(permit =>
          asked.some(one => one.measure === permit.measure && (one.source ?? permit.source) === permit.source),
        ),
      )
    }
  }
  t.end()
})

t.test('whoever answers does so in the shape that is published', async t => {
  const named = new Proxy({}, { get: (_, name) => String(name) })
  const ids = new Proxy({}, { get: () => named }) as Ids
  for (const person of participants)
    for (const answer of person.answers) {
      t.same(
        await wrongShape(toConsent(person, answer, { patient: 'p', ids, now })),
        [],
        `${person.given} to ${answer.to}`,
      )
    }
})

t.test('less is shared than is stored, and less is stored than is measured', t => {
  const stored = figuresOf(readings, 'all', isStored)
  const shared = figuresOf(readings, 'all', (person, reading) => isShared(person, reading, 'metabolism', now))
  t.ok(stored.count < every.length && shared.count < stored.count)
  t.equal(shared.people, 10)
  const steps = figuresOf(readings, 'steps', (person, reading) => isShared(person, reading, 'metabolism', now))
  t.same(steps, { count: 0, people: 0, mean: undefined })
  t.end()
})
