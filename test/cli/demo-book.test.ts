import t from 'tap'
import { openBook, tellFigures } from '../../src/cli/demo/book.ts'

const open = () => {
  const written: string[] = []
  return { book: openBook(text => written.push(text)), written }
}

t.test('a figure that is as expected is printed, and is not a failure', t => {
  const { book, written } = open()
  book.expect({ who: 'Ana', asked: 'GET Observation', got: 5190, wanted: 5190, durationMs: 12.4 })
  t.equal(written.join(''), '  Ana\n    GET Observation\n      → 5,190  12 ms\n')
  t.equal(book.checked(), 1)
  t.same(book.failures(), [])
  t.end()
})

t.test('a figure that is not is named, with the expected one', t => {
  const { book, written } = open()
  book.expect({ who: 'Ana', asked: 'GET Observation', got: { count: 1 }, wanted: { count: 2 }, told: 'one' })
  t.same(book.failures(), ['Ana, GET Observation: expected {"count":2}, got {"count":1}'])
  t.match(written.join(''), '✗ expected {"count":2}')
  t.end()
})

t.test('figures read as a sentence', t => {
  t.equal(
    tellFigures({ count: 2220, people: 1, mean: 65.504 }, 'beats/min'),
    '2,220 Observations of 1 person, mean 65.50 beats/min',
  )
  t.equal(tellFigures({ count: 3, people: 2, mean: undefined }), '3 Observations of 2 people')
  t.equal(tellFigures({ count: 0, people: 0, mean: undefined }), '0 Observations')
  t.end()
})
