import { registerHooks } from 'node:module'
import { delimiter, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import tap, { type Test } from 'tap'

/*
 * Runs the test files that it is told in FILES, one after another in one process: to load the server takes longer than most of them do.
 * Each is a subtest, and has that for the `tap` that it imports; it ends before the next begins.
 */
export const current: { test: Test } = { test: tap }

const tests = import.meta.resolve('..')

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'tap' && context.parentURL?.startsWith(tests)
      ? next(`${import.meta.resolve('./current-test.ts')}?of=${encodeURIComponent(context.parentURL)}`, context)
      : next(specifier, context),
})

// Not as arguments: tap makes names of folders of them, which would become too long.
for (const file of process.env.FILES?.split(delimiter) ?? [])
  tap.test(file, async test => {
    current.test = test
    await import(pathToFileURL(resolve(file)).href).catch(error => {
      tap.teardown(endSoon)
      throw error
    })
  })

/** What a file had opened when it failed is closed by nobody, and would keep the process until it is timed out. */
const endSoon = () => void setTimeout(() => process.exit(1), 5000).unref()
