import { mkdirSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { delimiter, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import tap, { type Test } from 'tap'

/*
 * Runs the test files that it is told in FILES, one after another in one process: to load the server takes longer than most of them do.
 * Each is a subtest, and has that for the `tap` that it imports; it ends before the next begins. Of those that others are told too it runs
 * what it takes first, and no more than MOST: TAKEN is the folder in which that is said.
 */
export const current: { test: Test } = { test: tap }

const tests = import.meta.resolve('..')

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'tap' && context.parentURL?.startsWith(tests)
      ? next(`${import.meta.resolve('./current-test.ts')}?of=${encodeURIComponent(context.parentURL)}`, context)
      : next(specifier, context),
})

const isFree = (file: string): boolean => {
  const { TAKEN: taken } = process.env
  if (taken === undefined) return true
  try {
    mkdirSync(join(taken, encodeURIComponent(file)))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

/** What a file had opened when it failed is closed by nobody, and would keep the process until it is timed out. */
const endSoon = () => void setTimeout(() => process.exit(1), 5000).unref()

const runAll = async (): Promise<void> => {
  const { timeout = 0 } = tap.options
  tap.setTimeout(0)
  const most = Number(process.env.MOST ?? Number.POSITIVE_INFINITY)
  let count = 0
  // Not as arguments: tap makes names of folders of them, which would become too long.
  for (const file of process.env.FILES?.split(delimiter) ?? [])
    if (count < most && isFree(file)) {
      count += 1
      await tap.test(file, { timeout }, async test => {
        current.test = test
        await import(pathToFileURL(resolve(file)).href).catch(error => {
          tap.teardown(endSoon)
          throw error
        })
      })
    }
  if (count === 0) tap.pass('others have taken all of them')
}

// Not awaited here: what each imports as `tap` waits for this file.
void runAll()
