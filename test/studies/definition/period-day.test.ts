import t from 'tap'
import { firstDayOf, lastDayOf } from '../../../src/studies/definition/period-day.ts'

t.test('a period begins with the first day of its start, and ends with the last day of its end', async t => {
  for (const [text, first, last] of [
    ['2026-03-31', '2026-03-31', '2026-03-31'],
    ['2026-02', '2026-02-01', '2026-02-28'],
    ['2024-02', '2024-02-01', '2024-02-29'],
    ['2026', '2026-01-01', '2026-12-31'],
    ['9999', '9999-01-01', '9999-12-31'],
  ] as const)
    t.strictSame([firstDayOf({ start: text }), lastDayOf({ end: text })], [first, last], text)
  t.strictSame([firstDayOf({ end: '2026' }), lastDayOf({ start: '2026' })], ['', ''], 'without a bound')
})

t.test('a moment is shown as the day in which it is written', async t => {
  t.equal(firstDayOf({ start: '2026-03-01T23:30:00-08:00' }), '2026-03-01')
  t.equal(lastDayOf({ end: '2026-03-01T00:30:00+08:00' }), '2026-03-01')
})
