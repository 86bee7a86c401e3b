import fc from 'fast-check'
import pg from 'pg'
import t from 'tap'
import { rowTypes } from '../../../src/storage/postgres/row-types.ts'

const { TIMESTAMPTZ, INT8, JSONB } = pg.types.builtins

t.test('instants are parsed as pg parses them', async t => {
  const [ours, theirs] = [rowTypes, pg.types].map(types => types.getTypeParser(TIMESTAMPTZ, 'text'))
  const two = (most: number) => fc.integer({ min: 0, max: most }).map(one => `${one}`.padStart(2, '0'))
  const fraction = fc.integer({ min: 0, max: 999_999 }).map(one => (one === 0 ? '' : `.${one}`.slice(0, 7)))
  const instants = fc
    .tuple(
      fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
      two(23),
      two(59),
      two(59),
      fraction,
    )
    .map(
      ([date, hour, minute, second, part]) =>
        `${date.toISOString().slice(0, 10)} ${hour}:${minute}:${second}${part}+00`,
    )
  fc.assert(
    fc.property(instants, text => {
      t.same(ours?.(text), theirs?.(text), text)
    }),
  )
  for (const text of [
    'infinity',
    '-infinity',
    '0044-03-15 10:00:00+00 BC',
    '10000-01-01 00:00:00.5+00',
    '2026-01-01 02:00:00+02',
  ])
    t.same(ours?.(text), theirs?.(text), text)
})

t.test('all other types are left to pg', async t => {
  t.equal(rowTypes.getTypeParser(INT8, 'text')('9007199254740993'), '9007199254740993')
  t.same(rowTypes.getTypeParser(JSONB, 'text')('{"a":1}'), { a: 1 })
})
