import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

const page = await readFile(join(import.meta.dirname, '..', 'docs', 'security.md'), 'utf8')

type Row = { readonly promise: string; readonly named: readonly (readonly [file: string, name: string])[] }

/** The rows of all tables of promises, each with the tests that check it. */
const promises: readonly Row[] = [
  ...page.matchAll(/^\| promise \| test \|\n\| --- \| --- \|\n((?:\|.*\|\n)+)/gm),
].flatMap(([, rows = '']) =>
  rows
    .trim()
    .split('\n')
    .map(row => {
      const [, promise = '', tests = ''] = /^\| (.*) \| (`.*) \|$/.exec(row) ?? []
      const files = tests.split('; `').map(one => one.replaceAll('`', ''))
      return { promise: promise || row, named: files.flatMap(namesIn) }
    }),
)

function namesIn(cell: string): readonly (readonly [string, string])[] {
  const [file = '', names = ''] = cell.split(/: (?=“)/)
  return [...names.matchAll(/“([^”]*)”/g)].map(([, name = '']) => [file, name] as const)
}

/** A placeholder in a name is written `…`. */
const testNames = async (file: string): Promise<readonly string[]> => {
  const text = await readFile(join(import.meta.dirname, file), 'utf8')
  return [...text.matchAll(/\bt\.test\(\s*(['`])((?:\\.|(?!\1).)*)\1/gs)].map(([, , name = '']) =>
    name.replace(/\$\{[^}]*\}/g, '…').replaceAll("\\'", "'"),
  )
}

t.test('every promise names the tests that check it', async t => {
  t.ok(promises.length > 50, `${promises.length} promises`)
  t.strictSame(
    promises.filter(({ named }) => named.length === 0).map(({ promise }) => promise),
    [],
  )
})

t.test('every named test exists', async t => {
  const byFile = Map.groupBy(
    promises.flatMap(({ named }) => named),
    ([file]) => file,
  )
  for (const [file, named] of byFile) {
    const known = new Set(await testNames(file))
    t.strictSame(
      named.map(([, name]) => name).filter(name => !known.has(name)),
      [],
      file,
    )
  }
})

t.test('nothing in the column of tests is left unread', async t => {
  const quoted = [...page.matchAll(/“([^”]*)”/g)].length
  t.equal(promises.flatMap(({ named }) => named).length, quoted)
})
