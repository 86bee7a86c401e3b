import { type Options, SingleBar } from 'cli-progress'
import { tellCount, tellDuration } from './book.ts'

export type Loading = { readonly add: (count: number) => void; readonly stop: () => void }

/** A bar on a terminal; elsewhere a line for each tenth. */
export const openLoading = (total: number, output: NodeJS.WriteStream): Loading =>
  output.isTTY ? barOn(total, output) : linesOn(total, output)

const barOn = (total: number, output: NodeJS.WriteStream): Loading => {
  const bar = new SingleBar({ ...look, stream: output })
  bar.start(total, 0)
  return { add: count => bar.increment(count), stop: () => bar.stop() }
}

const look: Options = {
  format: '  [{bar}] {value} of {total} Observations, {eta_formatted} to go',
  barCompleteChar: '█',
  barIncompleteChar: '·',
  hideCursor: true,
}

const linesOn = (total: number, output: NodeJS.WriteStream): Loading => {
  const started = performance.now()
  let done = 0
  return {
    add: count => {
      const tenth = (of: number) => Math.floor((10 * of) / total)
      const passed = tenth(done + count) > tenth(done)
      done += count
      const took = tellDuration(performance.now() - started)
      if (passed) output.write(`  ${tellCount(done)} of ${tellCount(total)} Observations after ${took}\n`)
    },
    stop: () => {},
  }
}
