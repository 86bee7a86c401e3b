import t from 'tap'
import { hasSeconds, hasZone, moveBy, toDateTime } from '../../src/mhealth/date-time.ts'

t.test('a date-time keeps its offset and is written as in FHIR', t => {
  for (const [text, dateTime] of [
    ['2026-03-01T07:30:00-08:00', '2026-03-01T07:30:00-08:00'],
    ['2026-03-01T07:30:00.1234Z', '2026-03-01T07:30:00.1234Z'],
    ['2026-03-01t07:30:00z', '2026-03-01T07:30:00Z'],
    ['2026-03-01 07:30:00+0100', '2026-03-01T07:30:00+01:00'],
    ['2026-03-01T07:30:00', '2026-03-01T07:30:00Z'],
    ['2026-03-01T07:30+0100', '2026-03-01T07:30:00+01:00'],
    ['2026-03-01T07:30', '2026-03-01T07:30:00Z'],
    ['2026-03-01', undefined],
    ['2026-03-01T07', undefined],
    ['2026-13-01T07:30:00Z', undefined],
    ['0000-01-01T00:00:00Z', undefined],
    ['2024-02-29T07:30:00Z', '2024-02-29T07:30:00Z'],
    ['2026-02-29T07:30:00Z', undefined],
    ['2026-04-31 07:30', undefined],
    ['2026-03-31T07:30:00Z', '2026-03-31T07:30:00Z'],
    ['2026-03-01T24:00:00Z', undefined],
    ['2026-03-01T07:61:00Z', undefined],
    ['2016-12-31T23:59:60Z', '2016-12-31T23:59:60Z'],
    ['2026-03-01T07:30:00+14:00', '2026-03-01T07:30:00+14:00'],
    ['2026-03-01T07:30:00+14:30', undefined],
    ['2026-03-01T07:30:00-1500', undefined],
    [7, undefined],
  ] as const) {
    t.equal(toDateTime(text), dateTime, String(text))
  }
  t.end()
})

t.test('a time is moved in its own offset', t => {
  for (const [from, amount, unit, to] of [
    ['2026-01-01T00:00:00Z', 213.43967244716197, 'sec', '2026-01-01T00:03:33.440Z'],
    ['2026-01-01T00:00:00-08:00', 1, 'd', '2026-01-02T00:00:00-08:00'],
    ['2026-03-31T00:00:00Z', -1, 'Mo', '2026-02-28T00:00:00Z'],
    ['2024-02-29T10:00:00+02:00', 1, 'yr', '2025-02-28T10:00:00+02:00'],
    ['2026-01-01T00:00:00Z', 0.5, 'Mo', undefined],
    ['2026-01-01T00:00:00Z', 1_500_000, 'us', '2026-01-01T00:00:01.500Z'],
    ['2026-01-01T00:00:00Z', 1.5e9, 'ns', '2026-01-01T00:00:01.500Z'],
    ['2026-01-01T00:00:00Z', 1.5e12, 'ps', '2026-01-01T00:00:01.500Z'],
    ['2026-01-01T00:00:00Z', 1, 'fortnight', undefined],
    ['0001-01-02T00:00:00Z', -2, 'd', undefined],
    ['9999-12-30T00:00:00Z', 2, 'd', undefined],
    ['2026-01-01T00:00:00Z', 1e300, 'd', undefined],
    ['2026-01-01T00:00:00Z', 1, 'constructor', undefined],
  ] as const) {
    t.equal(moveBy(from, amount, unit), to, `${from} ${amount} ${unit}`)
  }
  t.end()
})

t.test('it is told whether a text says its zone and its seconds', t => {
  for (const [text, zone, seconds] of [
    ['2026-03-01T07:30:00Z', true, true],
    ['2026-03-01 07:30:00.5+0100', true, true],
    ['2026-03-01t07:30z', true, false],
    ['2026-03-01T07:30:00', false, true],
    ['2026-03-01T07:30', false, false],
    ['2026-03-01', false, false],
  ] as const)
    t.strictSame([hasZone(text), hasSeconds(text)], [zone, seconds], text)
  t.end()
})
