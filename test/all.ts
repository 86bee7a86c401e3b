import { globSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import t from 'tap'

/*
 * All test files, or those in the folders that are told. What takes long has a process of its own and begins first; of the others
 * one process runs several.
 */
const [, , ...told] = process.argv
const files = (told.length > 0 ? told : ['test']).flatMap(folder => globSync(join(folder, '**/*.test.ts'))).toSorted()

const longFolders = ['test', 'test/acceptance', 'test/browser', 'test/oracle']
const [long = [], short = []] = [true, false].map(isLong =>
  files.filter(file => longFolders.includes(dirname(file)) === isLong),
)
const howMany = 12
const together = Array.from({ length: Math.ceil(short.length / howMany) }, (_, at) =>
  short.slice(at * howMany, (at + 1) * howMany),
)

// More than there are processors, as those in a browser often wait.
t.jobs = 5
t.setTimeout(3_600_000)
const program = join(import.meta.dirname, 'support', 'tested-together.ts')
for (const some of [...long.map(file => [file]), ...together]) {
  const [first = '', ...more] = some
  const name = more.length === 0 ? first : `${first} and ${more.length} more`
  const env = { ...process.env, FILES: some.join(delimiter) }
  t.spawn(process.execPath, [...process.execArgv, program], { timeout: 600_000, env }, name)
}
