import { registerHooks } from 'node:module'
import { delimiter, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import tap, { type Test } from 'tap'

/*
 * Runs the test files in FILES, one after another in one process, since loading the server takes longer than most of them. Each is a subtest, which
 * replaces the `tap` that it imports, and ends before the next begins.
 */
export const current: { test: Test } = { test: tap }

const tests = import.meta.resolve('..')

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'tap' && context.parentURL?.startsWith(tests)
      ? next(`${import.meta.resolve('./current-test.ts')}?of=${encodeURIComponent(context.parentURL)}`, context)
      : next(specifier, context),
})

// Not as arguments: tap uses them for names of folders, which would become too long.
for (const file of process.env.FILES?.split(delimiter) ?? [])
  tap.test(file, async test => {
    current.test = test
    await import(pathToFileURL(resolve(file)).href).catch(error => {
      tap.teardown(endSoon)
      throw error
    })
  })

/** Whatever a file had opened when it failed is never closed, and would keep the process until it times out. */
const endSoon = () => void setTimeout(() => process.exit(1), 5000).unref()
