import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const page = await readFile(join(root, 'docs', 'source.md'), 'utf8')
const named = new Set([...page.matchAll(/`((?:src|test)\/[^`]*)`/g)].map(([, path = '']) => path))

t.test('every path that docs/source.md names is there', async t => {
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
