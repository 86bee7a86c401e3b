import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kept } from '../../src/fhir/kept.ts'

t.test('a result is kept until a file that it is made from changes', async t => {
  const place = t.testdir({ cache: {}, sources: { deeper: { 'a.txt': 'one' } } })
  const folder = join(place, 'cache')
  const madeOf = [join(place, 'sources')]
  const list = ['x']
  let times = 0
  const made = () => kept({ folder, madeOf }, () => ({ times: ++times, map: new Map([[list, new Set(list)]]), list }))
  t.equal(made().times, 1)
  const again = made()
  t.strictSame(again, { times: 1, map: new Map([[list, new Set(list)]]), list })
  t.equal([...again.map.keys()][0], again.list, 'one object stays one object')
  writeFileSync(join(place, 'sources', 'deeper', 'a.txt'), 'three')
  t.equal(made().times, 2, 'a changed file')
  writeFileSync(join(place, 'sources', 'b.txt'), '')
  t.equal(made().times, 3, 'a new file')
  t.equal(made().times, 3)
  const [file = '', ...more] = readdirSync(folder)
  t.strictSame(more, [], 'only one state is kept')
  writeFileSync(join(folder, file), 'no such thing')
  t.equal(made().times, 4, 'a broken file is made again')
})

t.test('if nothing can be kept it is made each time', async t => {
  const madeOf = [import.meta.filename]
  t.equal(
    kept({ folder: undefined, madeOf }, () => 'made'),
    'made',
  )
  t.equal(
    kept({ folder: join(import.meta.dirname, 'no-such-folder'), madeOf }, () => 'made'),
    'made',
  )
})
