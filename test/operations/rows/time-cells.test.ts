import t from 'tap'
import { timeCells } from '../../../src/operations/rows/time-cells.ts'

const cells = (timed: object) => {
  const { start, end } = timeCells(timed)
  return [start, end]
}

t.test('a moment has a start, and a period what it says of its start and end, as they are written', async t => {
  t.strictSame(cells({ effectiveDateTime: '2026-03-01T08:00:00+01:00' }), ['2026-03-01T08:00:00+01:00', undefined])
  t.strictSame(cells({ effectiveInstant: '2026-03-01T08:00:00.5Z' }), ['2026-03-01T08:00:00.5Z', undefined])
  t.strictSame(cells({ effectivePeriod: { start: '2026-03-01', end: '2026-03' } }), ['2026-03-01', '2026-03'])
  t.strictSame(cells({ effectivePeriod: { end: '2026-03-02' } }), [undefined, '2026-03-02'])
  t.strictSame(cells({}), [undefined, undefined])
})

t.test('of several events, the first and the last count, whatever their zones and their order', async t => {
  const of = (event: readonly (string | null)[], boundsPeriod?: object) =>
    cells({ effectiveTiming: { event, ...(boundsPeriod && { repeat: { boundsPeriod } }) } })
  const [early, middle, late] = ['2026-03-01T23:00:00+14:00', '2026-03-01T10:00:00Z', '2026-03-01T09:00:00-11:00']
  t.strictSame(of([middle, late, early]), [early, late])
  t.strictSame(of([late, null, middle]), [middle, late])
  t.strictSame(of([middle]), [middle, undefined], 'a single one has no end')
  t.strictSame(of([]), [undefined, undefined])
  t.strictSame(of([null]), [undefined, undefined])
  t.strictSame(of([middle], { start: early, end: late }), [early, late], 'bounds of a repetition count as well')
  t.strictSame(of([early, late], { start: middle, end: middle }), [early, late])
  t.strictSame(of([middle], { start: late }), [middle, undefined])
  t.strictSame(cells({ effectiveTiming: { repeat: { boundsPeriod: { start: early } } } }), [early, undefined])
})
