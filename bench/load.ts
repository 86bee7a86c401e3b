import { percentile, timed } from './percentile.ts'

export type Load = {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
}

type Options = {
  readonly seconds: number
  readonly warmUpSeconds: number
}

/**
 * Each connection asks its next question as soon as the last one is answered. Questions from the warm-up do not count, but errors always do, and
 * the first one is reported.
 */
export const driveLoad = async (
  connections: readonly (() => Promise<unknown>)[],
  { seconds, warmUpSeconds }: Options,
): Promise<Load> => {
  const began = performance.now()
  const counts = began + warmUpSeconds * 1000
  const ends = counts + seconds * 1000
  const measured: number[] = []
  const errors: unknown[] = []
  const work = async (ask: () => Promise<unknown>) => {
    while (performance.now() < ends) {
      const ms = await timed(() => ask().catch(error => errors.push(error)))
      if (performance.now() >= counts) measured.push(ms)
    }
  }
  await Promise.all(connections.map(work))
  const lasted = (performance.now() - counts) / 1000
  if (errors.length > 0) process.stderr.write(`${errors.length} went wrong, first: ${errors[0]}\n`)
  return {
    perSecond: measured.length / lasted,
    p50Ms: percentile(measured, 0.5),
    p99Ms: percentile(measured, 0.99),
    errors: errors.length,
  }
}

/** The figures of a load, each with a name of its own. */
export const figuresOf = (name: string, { perSecond, p50Ms, p99Ms, errors }: Load) => ({
  [`${name}PerSecond`]: perSecond,
  [`${name}P50Ms`]: p50Ms,
  [`${name}P99Ms`]: p99Ms,
  [`${name}Errors`]: errors,
})
