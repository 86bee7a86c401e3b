/** The value below which the given part of the measurements lies. */
export const percentile = (measured: readonly number[], part: number): number => {
  const sorted = [...measured].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

export const median = (measured: readonly number[]): number => percentile(measured, 0.5)

/** How long it takes, in milliseconds. */
export const timed = async (run: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await run()
  return performance.now() - started
}
