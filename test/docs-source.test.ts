import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const page = await readFile(join(root, 'docs', 'source.md'), 'utf8')
const named = new Set([...page.matchAll(/`((?:src|test|sql)\/[^`]*)`/g)].map(([, path = '']) => path))

t.test('every path that docs/source.md names exists', async t => {
  t.ok(named.size > 50, `${named.size} paths`)
  t.strictSame(
    [...named].filter(path => !existsSync(join(root, path))),
    [],
  )
})

t.test('it names every room, and every folder of storage', async t => {
  for (const folder of ['src', 'src/storage']) {
    const inside = await readdir(join(root, folder), { withFileTypes: true })
    const folders = inside.filter(one => one.isDirectory()).map(({ name }) => `${folder}/${name}`)
    t.strictSame(
      folders.filter(path => !named.has(path)),
      [],
    )
  }
})

/** Functions and views that several migrations have defined, each with the last of them. */
const madeAnew = async (): Promise<readonly string[]> => {
  const makers = new Map<string, string[]>()
  for (const file of (await readdir(join(root, 'sql'))).filter(name => name.endsWith('.sql')).sort())
    for (const [, drops, name = ''] of (await readFile(join(root, 'sql', file), 'utf8')).matchAll(maker))
      if (drops) makers.delete(name)
      else makers.set(name, [...(makers.get(name) ?? []), `sql/${file}`])
  return [...makers].filter(([, files]) => files.length > 1).map(([name, files]) => `${name} ${files.at(-1)}`)
}

const maker = /^(?:(DROP)|CREATE)(?: OR REPLACE)? (?:FUNCTION|VIEW)(?: IF EXISTS)? (\w+)/gm

t.test('it says where the current definition of each redefined function and view is', async t => {
  const rows = [...page.matchAll(/^\| `(\w+)` \|.*\| `(sql\/[^`]*)` \|$/gm)]
  t.strictSame(
    rows.map(([, name, file]) => `${name} ${file}`),
    (await madeAnew()).toSorted(),
  )
})
