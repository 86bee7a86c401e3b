import t from 'tap'
import {
  around,
  bounded,
  intervalOf,
  intervalOfPeriod,
  intervalOfTiming,
  isBefore,
  isDay,
  momentsOf,
} from '../../src/fhir/date.ts'

const intervals: readonly [text: string, low: string, high: string][] = [
  ['2026', '2026-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  ['2026-03', '2026-03-01T00:00:00.000Z', '2026-04-01T00:00:00.000Z'],
  ['2026-12', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
  ['0099-01-01', '0099-01-01T00:00:00.000Z', '0099-01-02T00:00:00.000Z'],
  ['2026-01-01T10:00', '2026-01-01T10:00:00.000Z', '2026-01-01T10:01:00.000Z'],
  ['2026-01-01T10:00Z', '2026-01-01T10:00:00.000Z', '2026-01-01T10:01:00.000Z'],
  ['2026-01-01T10:00:00', '2026-01-01T10:00:00.000Z', '2026-01-01T10:00:01.000Z'],
  ['2026-01-01T10:00:00+02:00', '2026-01-01T08:00:00.000Z', '2026-01-01T08:00:01.000Z'],
  ['2026-01-01T20:30:00-05:30', '2026-01-02T02:00:00.000Z', '2026-01-02T02:00:01.000Z'],
  ['2026-01-01T10:00:00+14:00', '2025-12-31T20:00:00.000Z', '2025-12-31T20:00:01.000Z'],
  ['2026-01-01T20:00:00-11:45', '2026-01-02T07:45:00.000Z', '2026-01-02T07:45:01.000Z'],
  ['2026-01-01T10:00:00.5Z', '2026-01-01T10:00:00.500Z', '2026-01-01T10:00:00.600Z'],
  ['2026-01-01T10:00:00.999Z', '2026-01-01T10:00:00.999Z', '2026-01-01T10:00:01.000Z'],
  ['2026-12-31T23:59:59.9Z', '2026-12-31T23:59:59.900Z', '2027-01-01T00:00:00.000Z'],
  ['2026-01-01T10:00:00.1234Z', '2026-01-01T10:00:00.123400Z', '2026-01-01T10:00:00.123500Z'],
  ['2026-01-01T10:00:00.123456789Z', '2026-01-01T10:00:00.123456Z', '2026-01-01T10:00:00.123457Z'],
  ['2026-06-30T23:59:60Z', '2026-07-01T00:00:00.000Z', '2026-07-01T00:00:01.000Z'],
  ['9999', '9999-01-01T00:00:00.000Z', 'infinity'],
  ['0001', '0001-01-01T00:00:00.000Z', '0002-01-01T00:00:00.000Z'],
  ['0001-01-01T00:00:00+01:00', '-infinity', '-infinity'],
]

t.test('a date means all the time that it may mean', async t => {
  for (const [text, low, high] of intervals) t.same(intervalOf(text), { low, high }, text)
})

t.test('a date means the same in milliseconds, and in words', async t => {
  for (const [text, low, high] of intervals)
    t.strictSame(momentsOf(text), { low: Date.parse(low), high: Date.parse(high) }, text)
  t.equal(momentsOf('2026-02-30'), undefined)
})

t.test('an interval without a bound lasts from the first moment that FHIR can write to the last one', async t => {
  const all = { low: '0001-01-01T00:00:00.000Z', high: '9999-12-31T23:59:59.999Z' }
  t.same(bounded({ low: '-infinity', high: 'infinity' }), all)
  const day = { low: '2026-03-01T00:00:00.000Z', high: '2026-03-02T00:00:00.000Z' }
  t.same(bounded(day), day)
})

t.test('what is not a date has no interval', async t => {
  const texts = [
    '',
    'today',
    '26',
    '0000',
    '2026-13',
    '2026-00',
    '2026-02-30',
    '2026-2-3',
    '2026-01-01T',
    '2026-01-01T24:00:00Z',
  ]
  for (const text of [
    ...texts,
    '2026-01-01T10',
    '2026-02-30T10:00:00Z',
    '2026-01-01T10:60:00Z',
    '2026-01-01T10:00:00+15:00',
    '2026-01-01T10:00:00+14:01',
    '2026-01-01T10:00:00-14:30',
    '2026-01-01 10:00',
    ' 2026',
  ]) {
    t.equal(intervalOf(text), undefined, text)
  }
})

t.test('a Period is open if it has no end', async t => {
  t.same(intervalOfPeriod({}), { low: '-infinity', high: 'infinity' })
  t.same(intervalOfPeriod({ start: '2026' }), { low: '2026-01-01T00:00:00.000Z', high: 'infinity' })
  t.same(intervalOfPeriod({ start: '2026-01-01', end: '2026-01-02' }), {
    low: '2026-01-01T00:00:00.000Z',
    high: '2026-01-03T00:00:00.000Z',
  })
  t.same(intervalOfPeriod({ start: 2026, end: null }), { low: '-infinity', high: 'infinity' })
})

t.test('a Timing reaches from its first to its last event', async t => {
  t.equal(intervalOfTiming({}), undefined)
  t.same(intervalOfTiming({ event: ['2026-03-02', '2026-03-01T00:00:00.0005Z', '2026-03-01'] }), {
    low: '2026-03-01T00:00:00.000Z',
    high: '2026-03-03T00:00:00.000Z',
  })
  t.same(intervalOfTiming({ event: ['2026'], repeat: { boundsPeriod: { start: '2025' } } }), {
    low: '2025-01-01T00:00:00.000Z',
    high: 'infinity',
  })
  const bounds = { boundsPeriod: { start: '2026-03-02', end: '2026-03-03' } }
  t.same(intervalOfTiming({ event: ['2026-03-01', 'soon', null, '2026-03-05'], repeat: bounds }), {
    low: '2026-03-01T00:00:00.000Z',
    high: '2026-03-06T00:00:00.000Z',
  })
  t.same(intervalOfTiming({ event: ['soon'], repeat: bounds }), {
    low: '2026-03-02T00:00:00.000Z',
    high: '2026-03-04T00:00:00.000Z',
  })
  t.equal(intervalOfTiming({ event: ['soon'] }), undefined)
})

t.test('bounds are compared whatever their precision, and the infinite ones too', async t => {
  const ordered = [
    '-infinity',
    '0001-01-01T00:00:00.000Z',
    '2026-03-01T12:00:00.000Z',
    '2026-03-01T12:00:00.000001Z',
    '2026-03-01T12:00:00.001Z',
    'infinity',
  ]
  for (const [index, one] of ordered.entries())
    for (const [place, other] of ordered.entries()) t.equal(isBefore(one, other), index < place, `${one} ${other}`)
  t.equal(isBefore('2026-03-01T12:00:00.000Z', '2026-03-01T12:00:00.000000Z'), false, 'the same in more digits')
  const [first, last] = [
    { low: '-infinity', high: ordered[2] ?? '' },
    { low: ordered[1] ?? '', high: 'infinity' },
  ]
  for (const both of [around(first, last), around(last, first)]) t.same(both, { low: '-infinity', high: 'infinity' })
})

t.test('a day is a date that names one, and is written so', async t => {
  t.ok(isDay('2026-03-31'))
  for (const none of ['2026', '2026-03', '2026-02-30', 'not-a-date', '2026-03-31T10:00', '']) t.notOk(isDay(none), none)
})
