import t from 'tap'
import { namedIn } from '../../../src/web/page/named-in.ts'

t.test('a link names only what is in the table itself, not what every object has', async t => {
  const table = { saved: 'It is saved.' }
  t.equal(namedIn(table, 'saved'), 'It is saved.')
  for (const name of ['constructor', 'toString', '__proto__', 'lost', '', null])
    t.equal(namedIn(table, name), undefined)
})
