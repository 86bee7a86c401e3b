import t from 'tap'
import { extensions } from '../../src/fhir/canonical.ts'
import { atOnce } from '../../src/fhir/give-way.ts'
import { unknownEnd } from '../../src/fhir/unknown-end.ts'
import { effectiveOf, isConsistentDuration, isOneDay, spanOf } from '../../src/mhealth/effective.ts'

const of = (effective_time_frame: unknown) => effectiveOf({ effective_time_frame })
const at = (effectiveDateTime: string, ...notes: readonly string[]) => ({ element: { effectiveDateTime }, notes })
const during = (effectivePeriod: object, ...notes: readonly string[]) => ({ element: { effectivePeriod }, notes })
const asUtc = (text: string) => `${text} has no time zone and was read as UTC`

t.test('a moment keeps its offset and its digits; without a zone it is in UTC, and that is reported', async t => {
  t.strictSame(of({ date_time: '2026-03-01T07:30:00-03:30' }), at('2026-03-01T07:30:00-03:30'))
  t.strictSame(of({ date_time: '2026-03-01T07:30:00.1234567Z' }), at('2026-03-01T07:30:00.1234567Z'))
  t.strictSame(of({ date_time: '2026-03-01T23:59:60Z' }), at('2026-03-01T23:59:60Z'))
  t.strictSame(of({ date_time: '2026-03-01 07:30:00+0545' }), at('2026-03-01T07:30:00+05:45'))
  t.strictSame(of({ date_time: '2026-03-01T07:30' }), at('2026-03-01T07:30:00Z', asUtc('2026-03-01T07:30')))
})

t.test('a date is that day, wherever it occurs, and what is neither is not a time', async t => {
  t.strictSame(of({ full_date: '2026-03-01' }), at('2026-03-01'))
  t.strictSame(of({ date_time: '2026-03-01' }), at('2026-03-01'))
  const [start_date_time, end_date_time] = ['2026-03-01', '2026-03-07']
  t.strictSame(
    of({ time_interval: { start_date_time, end_date_time } }),
    during({ start: start_date_time, end: end_date_time }),
  )
  for (const none of ['2026-02-30', '2026-13-01', '2026-03', 'yesterday', '', 20_260_301, null]) {
    t.equal(of({ full_date: none }), undefined)
    t.equal(of({ date_time: none }), undefined)
    t.equal(of({ time_interval: { start_date_time: none } }), undefined)
    t.equal(of({ time_interval: { date: none, part_of_day: 'morning' } }), undefined)
  }
  for (const frame of [undefined, null, '2026-03-01', {}, { time_interval: {} }]) t.equal(of(frame), undefined)
})

t.test('a duration leads from either end to the other, by the clock of its offset', async t => {
  const start = '2026-01-31T23:30:00-03:30'
  for (const [value, unit, end] of [
    [250, 'ms', '2026-01-31T23:30:00.250-03:30'],
    [30, 'sec', '2026-01-31T23:30:30-03:30'],
    [30, 'minutes', '2026-02-01T00:00:00-03:30'],
    [90, 'min', '2026-02-01T01:00:00-03:30'],
    [1.5, 'd', '2026-02-02T11:30:00-03:30'],
    [1, 'wk', '2026-02-07T23:30:00-03:30'],
    [1, 'Mo', '2026-02-28T23:30:00-03:30'],
    [13, 'Mo', '2027-02-28T23:30:00-03:30'],
    [0.5, 'yr', '2026-07-31T23:30:00-03:30'],
    [0, 'min', start],
    [0.5, 'Mo', undefined],
    [1, 'fortnight', undefined],
  ] as const) {
    const found = of({ time_interval: { start_date_time: start, duration: { value, unit } } })
    t.strictSame(found, during({ start, ...(end === undefined ? unknownEnd : { end }) }), `${value} ${unit}`)
  }
  const end = '2026-03-31T00:15:00.5+05:45'
  for (const [value, unit, begin] of [
    [1.25, 'h', '2026-03-30T23:00:00.500+05:45'],
    [1, 'Mo', '2026-02-28T00:15:00.500+05:45'],
    [1, 'yr', '2025-03-31T00:15:00.500+05:45'],
  ] as const) {
    const found = of({ time_interval: { end_date_time: end, duration: { value, unit } } })
    t.strictSame(found, during({ start: begin, end }), `${value} ${unit}`)
  }
  const leap = { start_date_time: '2024-02-29T08:00:00Z', duration: { value: 1, unit: 'yr' } }
  t.strictSame(of({ time_interval: leap }), during({ start: '2024-02-29T08:00:00Z', end: '2025-02-28T08:00:00Z' }))
})

t.test('an invalid bound is left out and the other one kept, without saying that the measurement goes on', async t => {
  const start_date_time = '2026-03-01T08:00:00Z'
  t.strictSame(
    of({ time_interval: { start_date_time, end_date_time: 'soon' } }),
    during({ start: start_date_time, ...unknownEnd }),
  )
  t.strictSame(
    of({ time_interval: { start_date_time: 'once', end_date_time: start_date_time } }),
    during({ end: start_date_time }),
  )
  const [from, to] = ['2026-03-01T08:00:00', '2026-03-01T09:00:00']
  t.strictSame(
    of({ time_interval: { start_date_time: from, end_date_time: to } }),
    during({ start: `${from}Z`, end: `${to}Z` }, asUtc(from), asUtc(to)),
  )
})

t.test('a part of a day is its date with a name, and no other word is one', async t => {
  const part = (part_of_day: unknown) => of({ time_interval: { date: '2026-03-01', part_of_day } })
  for (const valueCode of ['morning', 'afternoon', 'evening', 'night'])
    t.strictSame(
      part(valueCode),
      during({
        extension: [{ url: extensions.approximateTime, valueCode }],
        start: '2026-03-01',
        end: '2026-03-01',
      }),
    )
  for (const none of ['noon', 'Morning', undefined, null]) t.equal(part(none), undefined)
})

t.test('a day has 24 hours, or those between two midnights where clocks are changed', async t => {
  const lasts = (start_date_time: string, end_date_time: string) =>
    isOneDay(of({ time_interval: { start_date_time, end_date_time } }))
  for (const [start, end, why] of [
    ['2026-03-28T00:00:00+01:00', '2026-03-29T00:00:00+01:00', 'of 24 hours'],
    ['2026-03-28T07:30:00+01:00', '2026-03-29T07:30:00+01:00', 'from any time on'],
    ['2026-03-28T07:30:00+01:00', '2026-03-29T06:30:00Z', 'in whatever zones they are written'],
    ['2026-03-29T00:00:00+01:00', '2026-03-30T00:00:00+02:00', 'of 23 hours'],
    ['2026-10-25T00:00:00.000+02:00', '2026-10-26T00:00:00.000+01:00', 'of 25 hours'],
    ['2026-04-05T00:00:00+11:00', '2026-04-06T00:00:00+10:30', 'of 24 hours and a half'],
  ] as const)
    t.equal(lasts(start, end), true, why)
  for (const [start, end, why] of [
    ['2026-03-28T00:00:00+01:00', '2026-03-28T23:59:58+01:00', 'less'],
    ['2026-03-28T00:00:00+01:00', '2026-03-29T01:00:00+01:00', 'more'],
    ['2026-03-28T01:00:00+01:00', '2026-03-29T00:00:00+01:00', 'from one to midnight'],
    ['2026-03-29T07:00:00+01:00', '2026-03-30T07:00:00+02:00', 'of 23 hours, not from midnight on'],
    ['2026-03-28T00:00:00+01:00', '2026-03-29T00:00:00+03:00', 'of 22 hours, as no clock is changed'],
    ['2026-03-28T00:00:00+01:00', '2026-03-30T00:00:00+01:00', 'two days'],
  ] as const)
    t.equal(lasts(start, end), false, why)
  t.equal(isOneDay(undefined), false)
  t.equal(isOneDay(of({ date_time: '2026-03-28T00:00:00Z' })), false)
  t.equal(isOneDay(of({ time_interval: { start_date_time: '2026-03-28T00:00:00Z' } })), false)
  t.equal(isOneDay(of({ time_interval: { end_date_time: '2026-03-28T00:00:00Z' } })), false)
})

t.test('a duration agrees with start and end if they differ by less than a second', async t => {
  const agrees = (end_date_time: unknown, value: unknown, unit = 'min') =>
    isConsistentDuration({ start_date_time: '2026-03-01T08:00:00+01:00', end_date_time, duration: { value, unit } })
  t.equal(agrees('2026-03-01T08:30:00+01:00', 30), true)
  t.equal(agrees('2026-03-01T07:30:00.999Z', 30), true)
  t.equal(agrees('2026-03-01T08:29:59.001+01:00', 30), true)
  for (const end of ['2026-03-01T08:30:01+01:00', '2026-03-01T08:29:59+01:00', '2026-03-01T07:30:00+01:00', 'soon'])
    t.equal(agrees(end, 30), false, end)
  t.equal(agrees('2026-03-01T08:30:00+01:00', 30, 'fortnight'), false)
  t.equal(agrees('2026-03-01T08:30:00+01:00', 'half an hour'), false)
})

t.test('a series lasts from its first start to its last end, with each remark once', async t => {
  const [early, late] = ['2026-03-01T23:00:00+14:00', '2026-03-01T10:00:00Z']
  const note = asUtc('2026-03-01T10:00')
  const span = (...all: readonly Parameters<typeof spanOf>[0][number][]) => atOnce(spanOf(all))
  t.strictSame(span(at(late, note), at(early), at(late, note)), during({ start: early, end: late }, note))
  t.strictSame(span(at(early), during({ start: late })), during({ start: early, ...unknownEnd }))
  t.strictSame(span(at(early), during({ end: late })), during({ end: late }))
  t.equal(span(during({ start: early }), during({ end: late })), undefined)
  t.strictSame(span(at('2026-03-01'), at('2026-03-01T23:00:00Z')), during({ start: '2026-03-01', end: '2026-03-01' }))
})
