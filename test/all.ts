import { globSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import t from 'tap'

/*
 * All test files, or those that are told and those in the folders that are told. What takes longest has a process of its own and begins first; the others are
 * taken by a few processes, one after another, so that the server is loaded, and its code has become fast, once for them all, and none is the last for long.
 */
const [, , ...told] = process.argv
const files = (told.length > 0 ? told : ['test'])
  .flatMap(place => (place.endsWith('.ts') ? place : globSync(join(place, '**/*.test.ts'))))
  .toSorted()

const alone = new Set(['test', 'test/oracle'])
/** Of the others those in these folders take longer, and begin sooner. */
const longer = ['test/browser', 'test/acceptance', 'test/no-leak']
const isLonger = (file: string) => longer.includes(dirname(file))
const rest = files.filter(file => !alone.has(dirname(file)))
const shared = [...rest.filter(isLonger), ...rest.filter(file => !isLonger(file))]

// More than there are processors, as those in a browser often wait.
t.jobs = 5
t.setTimeout(3_600_000)
const program = join(import.meta.dirname, 'support', 'tested-together.ts')
const taken = mkdtempSync(join(tmpdir(), 'sharewell-tests-'))
t.teardown(() => rmSync(taken, { recursive: true }))

const start = (name: string, files: readonly string[], more: NodeJS.ProcessEnv = {}) => {
  const env = { ...process.env, ...more, FILES: files.join(delimiter) }
  return t.spawn(process.execPath, [...process.execArgv, program], { timeout: 2_400_000, env }, name)
}
for (const file of files) if (alone.has(dirname(file))) start(file, [file])
/** What a file has made stays with its process: after forty, what comes next takes longer than to load the server anew. */
const most = 40
const processes = Math.max(3, Math.ceil(shared.length / most))
await Promise.all(
  Array.from({ length: processes }, (_, one) =>
    start(`files together, process ${one + 1}`, shared, { TAKEN: taken, MOST: String(most) }),
  ),
)
// A process that ends before its time leaves files to nobody.
t.same(readdirSync(taken).map(decodeURIComponent).toSorted(), shared.toSorted(), 'every file was run')
