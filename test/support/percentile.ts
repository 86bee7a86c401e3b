/** As `percentile_cont` and textbooks define it: between the two nearest ranks. */
export const percentile = (values: readonly number[], fraction: number): number => {
  const sorted = values.toSorted((one, other) => one - other)
  const rank = fraction * (sorted.length - 1)
  const [low = 0, high = low] = sorted.slice(Math.floor(rank), Math.floor(rank) + 2)
  return low + (high - low) * (rank - Math.floor(rank))
}
