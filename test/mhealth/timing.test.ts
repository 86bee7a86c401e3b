import t from 'tap'
import { extensions } from '../../src/fhir/canonical.ts'
import { atOnce } from '../../src/fhir/give-way.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { unknownEnd } from '../../src/fhir/unknown-end.ts'
import { openMhealth } from '../../src/mhealth/mhealth.ts'
import { startOf } from '../../src/mhealth/timing.ts'
import { heartRate, upload } from './upload.ts'

const mhealth = openMhealth({ codeClasses: openCodeClasses(), now: () => Date.parse('2026-03-01T12:00:00Z') })
const receive = (effective_time_frame: object) =>
  atOnce(mhealth.receive(upload(heartRate(64, { effective_time_frame })))).under('accept-with-warning')
const findings = (frame: object) => receive(frame).issues.map(({ details }) => details?.code)

t.test('a clock may be a little ahead, not more', t => {
  t.strictSame(findings({ date_time: '2026-03-01T12:14:00Z' }), [])
  t.strictSame(findings({ date_time: '2026-03-01T14:14:00+02:00' }), [])
  t.strictSame(findings({ date_time: '2026-03-01T12:16:00Z' }), ['time-future'])
  t.end()
})

t.test('a time without a zone may be from a zone that is ahead', t => {
  t.strictSame(findings({ date_time: '2026-03-02T01:59:00' }), ['time-zone-missing'])
  t.strictSame(findings({ date_time: '2026-03-02T02:01:00' }), ['time-zone-missing', 'time-future'])
  t.strictSame(findings({ time_interval: { date: '2026-03-01', part_of_day: 'evening' } }), [])
  t.end()
})

t.test('a part of a day belongs to its date, without invented hours or time zone', t => {
  const partOfDay = { time_interval: { date: '2026-02-27', part_of_day: 'morning' } }
  t.strictSame(receive(partOfDay).resource.effectivePeriod, {
    extension: [{ url: extensions.approximateTime, valueCode: 'morning' }],
    start: '2026-02-27',
    end: '2026-02-27',
  })
  t.end()
})

t.test('a date may be from a zone that is ahead', async t => {
  const told = (full_date: string) => findings({ full_date }).filter(code => code === 'time-future')
  t.strictSame(told('2026-03-02'), [], 'at noon UTC it is the second of March in Kiritimati')
  t.strictSame(told('2026-03-03'), ['time-future'])
})

t.test('a date in place of a time is the day, if what breaks its schema is accepted at all', async t => {
  t.equal(receive({ date_time: '2026-02-27' }).resource.effectiveDateTime, '2026-02-27')
  const interval = { start_date_time: '2026-02-27', end_date_time: '2026-02-28' }
  t.strictSame(receive({ time_interval: interval }).resource.effectivePeriod, {
    start: '2026-02-27',
    end: '2026-02-28',
  })
  t.equal(receive({ full_date: 'yesterday' }).resource.effectiveDateTime, undefined)
})

t.test('a day that has begun may be reported before it ends', t => {
  const day = { start_date_time: '2026-03-01T00:00:00Z', end_date_time: '2026-03-02T00:00:00Z' }
  t.strictSame(findings({ time_interval: day }), [])
  t.end()
})

t.test('an interval that ends before it begins gives no effective time', t => {
  const backwards = { start_date_time: '2026-03-01T08:00:00Z', end_date_time: '2026-03-01T07:00:00Z' }
  t.strictSame(findings({ time_interval: backwards }), ['interval-order'])
  const received = receive({ time_interval: backwards })
  t.equal(received.resource.effectivePeriod, undefined)
  t.match(
    received.issues[0]?.message,
    /ends at 2026-03-01T07:00:00Z, before it begins at 2026-03-01T08:00:00Z; accepted: an end that is not before/,
  )
  t.end()
})

t.test(
  'an end is not before the start if it holds the start: a date is that whole day, and a second that whole second',
  t => {
    for (const [start, end] of [
      ['2026-03-01T08:00:00Z', '2026-03-01'],
      ['2026-03-01T08:00:00.500Z', '2026-03-01T08:00:00Z'],
    ] as const) {
      const interval = { time_interval: { start_date_time: start, end_date_time: end } }
      t.strictSame(receive(interval).resource.effectivePeriod, { start, end })
      t.notOk(findings(interval).includes('interval-order'))
    }
    t.strictSame(
      receive({ time_interval: { start_date_time: '2026-03-02T00:00:00Z', end_date_time: '2026-03-01' } }).resource
        .effectivePeriod,
      undefined,
    )
    t.end()
  },
)

t.test('an interval may end in a leap second, or a microsecond after it begins, but not before', t => {
  const ofPeriod = (start_date_time: string, end_date_time: string) => {
    const interval = { time_interval: { start_date_time, end_date_time } }
    return [findings(interval), receive(interval).resource.effectivePeriod]
  }
  for (const [start, end] of [
    ['2016-12-31T23:59:00Z', '2016-12-31T23:59:60Z'],
    ['2026-03-01T07:00:00.000001Z', '2026-03-01T07:00:00.000002Z'],
  ] as const)
    t.strictSame(ofPeriod(start, end), [[], { start, end }])
  t.strictSame(ofPeriod('2026-03-01T07:00:00.000002Z', '2026-03-01T07:00:00.000001Z'), [['interval-order'], undefined])
  t.strictSame(ofPeriod('2016-12-31T23:59:60Z', '2016-12-31T23:59:59Z'), [['interval-order'], undefined])
  t.end()
})

t.test('what was measured began at its moment or its start, or if only its end is known, then', t => {
  type Element = NonNullable<Parameters<typeof startOf>[0]>['element']
  const start = (element: Element) => startOf({ element, notes: [] })
  const [from, to] = ['2026-03-01T07:00:00+01:00', '2026-03-01T08:00:00+01:00']
  t.equal(start({ effectiveDateTime: from }), Date.parse(from))
  t.equal(start({ effectivePeriod: { start: from, end: to } }), Date.parse(from))
  t.equal(start({ effectivePeriod: { end: to } }), Date.parse(to))
  t.equal(start({ effectivePeriod: {} }), undefined)
  t.equal(startOf(undefined), undefined)
  t.end()
})

t.test('a series may last into a leap second', t => {
  const body = ['2016-12-31T23:59:58Z', '2016-12-31T23:59:60Z'].map((date_time, index) => ({
    heart_rate: { value: 60 + index, unit: 'beats/min' },
    effective_time_frame: { date_time },
  }))
  const { resource } = atOnce(mhealth.receive(upload({ ...heartRate(), body }))).under('strict')
  t.strictSame(resource.effectivePeriod, { start: '2016-12-31T23:59:58Z', end: '2016-12-31T23:59:60Z' })
  t.match(resource.valueSampledData, { data: '60 61', period: 2000 })
  t.end()
})

t.test('a series lasts as long as all its points, and for an unknown time if some have no time', t => {
  const received = (...frames: readonly (object | undefined)[]) => {
    const body = frames.map(effective_time_frame => ({
      heart_rate: { value: 60, unit: 'beats/min' },
      ...(effective_time_frame && { effective_time_frame }),
    }))
    return atOnce(mhealth.receive(upload({ ...heartRate(), body }))).under('accept-with-warning')
  }
  const effectiveOf = (...frames: readonly (object | undefined)[]) => received(...frames).resource.effectivePeriod
  const moment = { date_time: '2026-02-01T08:00:00Z' }
  const [from, until] = ['2026-02-02T08:00:00Z', '2026-02-03T08:00:00Z']
  t.strictSame(effectiveOf(moment, { time_interval: { start_date_time: from, end_date_time: until } }), {
    start: moment.date_time,
    end: until,
  })
  t.strictSame(effectiveOf(moment, { time_interval: { start_date_time: from } }), {
    start: moment.date_time,
    ...unknownEnd,
  })
  t.equal(effectiveOf(moment, moment, undefined), undefined)
  t.match(
    received(moment, moment, undefined).issues.map(({ message }) => message),
    [/must have required property/, /does not say when all of it was measured/],
  )
  t.equal(effectiveOf(moment, moment, { time_interval: { start_date_time: until, end_date_time: from } }), undefined)
  t.strictSame(effectiveOf({ full_date: '2026-02-01' }, moment), { start: '2026-02-01', end: '2026-02-01' })
  t.end()
})

t.test('a duration lasts as long as it means, however its unit is spelled', t => {
  const start_date_time = '2026-03-01T07:00:00+01:00'
  for (const [value, unit, end] of [
    [90, 'seconds', '2026-03-01T07:01:30+01:00'],
    [90, 'sec', '2026-03-01T07:01:30+01:00'],
    [2, 'hours', '2026-03-01T09:00:00+01:00'],
    [1, 'day', '2026-03-02T07:00:00+01:00'],
  ] as const) {
    const received = receive({ time_interval: { start_date_time, duration: { value, unit } } })
    t.strictSame(received.resource.effectivePeriod, { start: start_date_time, end }, unit)
  }
  t.end()
})

t.test('with an unreadable duration the end is unknown, and reported so: the measurement does not go on', async t => {
  const start_date_time = '2026-02-27T07:00:00+01:00'
  for (const duration of [
    { value: 1, unit: 'fortnight' },
    { value: 0.5, unit: 'Mo' },
    { value: '1', unit: 'h' },
    { value: 1e6, unit: 'yr' },
    undefined,
  ]) {
    const frame = { time_interval: { start_date_time, ...(duration && { duration }) } }
    t.strictSame(receive(frame).resource.effectivePeriod, { start: start_date_time, ...unknownEnd })
    t.ok(findings(frame).includes('time-missing'), JSON.stringify(duration))
  }
  const ended = { time_interval: { end_date_time: start_date_time, duration: { value: 1, unit: 'fortnight' } } }
  t.strictSame(receive(ended).resource.effectivePeriod, { end: start_date_time })
  t.notOk(findings(ended).includes('time-missing'), 'in R4 a missing beginning means that it is not known')
})

t.test('a nonexistent time is not a time, and nothing else is lost because of it', t => {
  const received = receive({ date_time: '2026-02-29T25:00:00Z' })
  t.equal(received.resource.effectiveDateTime, undefined)
  t.ok(received.issues.length > 0 && received.issues.every(({ severity }) => severity === 'warning'))
  t.strictSame(findings({ date_time: '2026-02-27T09:25:00+15:00' }), ['time-missing'], 'FHIR has no such zone')
  t.strictSame(findings({ time_interval: { date: '2026-02-30', part_of_day: 'evening' } }), ['time-missing'])
  t.end()
})
