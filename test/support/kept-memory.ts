import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** By how many bytes the heap has grown when that is done and everything is collected that nobody holds any more. */
export const keptBytes = async (run: () => Promise<void> | void): Promise<number> => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  const before = process.memoryUsage().heapUsed
  await run()
  collect()
  return process.memoryUsage().heapUsed - before
}
