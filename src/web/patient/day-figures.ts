import { dayOfEach } from '../../fhir/timezone.ts'
import type { Point } from './drawn-chart.ts'

type DayFigures = Readonly<Record<'count' | 'mean' | 'sum' | 'minimum' | 'maximum', number>> & { readonly day: string }

/** Of each day with readings, in their order; a step is never longer than a day, and never in two of them. */
export const dayFigures = (points: readonly Point[], timezone: string): readonly DayFigures[] => {
  const starts = points.map(({ start }) => start * 1000)
  const days = dayOfEach(starts, timezone)
  return [...Map.groupBy(points, (_, index) => days[index] ?? '')].map(([day, of]) => ({ day, ...figuresOf(of) }))
}

/** Of all readings together. */
export const figuresOf = (points: readonly Point[]): Omit<DayFigures, 'day'> => {
  const total = (figure: (point: Point) => number) => points.reduce((sum, point) => sum + figure(point), 0)
  const count = total(point => point.count)
  return {
    count,
    mean: total(point => point.count * (point.average ?? 0)) / count,
    sum: total(({ sum }) => sum ?? 0),
    minimum: points.reduce((least, { minimum }) => Math.min(least, minimum ?? least), Number.POSITIVE_INFINITY),
    maximum: points.reduce((most, { maximum }) => Math.max(most, maximum ?? most), Number.NEGATIVE_INFINITY),
  }
}
