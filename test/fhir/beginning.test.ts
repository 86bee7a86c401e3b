import t from 'tap'
import { beginning } from '../../src/fhir/beginning.ts'

t.test('a text is cut before a letter that JavaScript counts as two, and not within it', async t => {
  t.equal(beginning('a😀b', 2), 'a')
  t.equal(beginning('a😀b', 3), 'a😀')
  t.equal(beginning('a😀', 3), 'a😀')
  t.equal(beginning('abc', 2), 'ab')
  t.equal(beginning('', 2), '')
})
