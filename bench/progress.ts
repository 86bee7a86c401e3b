import { SingleBar } from 'cli-progress'

export type Progress = { readonly step: (by?: number) => void; readonly stop: () => void }

/** A bar on a terminal, nothing in a log. */
export const openProgress = (name: string, total: number): Progress => {
  const bar = new SingleBar({
    format: `${name} {bar} {percentage}% {eta_formatted}`,
    hideCursor: true,
    noTTYOutput: false,
  })
  bar.start(total, 0)
  return { step: (by = 1) => bar.increment(by), stop: () => bar.stop() }
}
