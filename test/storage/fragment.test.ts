import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { type SqlToken, sql as slonik } from 'slonik'
import t from 'tap'
import { fragment, join, type Member } from '../../src/storage/fragment.ts'

t.test('values are numbered by their place in the whole, however deeply they are nested', async t => {
  const inner = fragment`b = ${'two'} OR c = ANY(${slonik.array([3, 4], 'int4')})`
  const whole = fragment`a = ${1} AND (${inner}) AND ${slonik.identifier(['row', 'd"'])} IS NULL AND (${inner})`
  t.strictSame(
    { sql: whole.sql, values: whole.values },
    {
      sql: 'a = $1 AND (b = $2 OR c = ANY($3::"int4"[])) AND "row"."d""" IS NULL AND (b = $4 OR c = ANY($5::"int4"[]))',
      values: [1, 'two', [3, 4], 'two', [3, 4]],
    },
  )
})

t.test('null is a value like any other', async t => {
  const { sql, values } = fragment`SELECT ${null}, ${false}`
  t.strictSame({ sql, values }, { sql: 'SELECT $1, $2', values: [null, false] })
})

t.test('undefined is not a value, and joining nothing is not SQL', async t => {
  t.throws(() => fragment`a = ${undefined as unknown as Member}`, { name: 'TypeError' })
  t.throws(() => join([], fragment`, `), { name: 'TypeError' })
})

t.test('what was made as a value, a name or SQL never becomes anything else', async t => {
  t.throws(() => fragment`a = ${{ type: 'SLONIK_TOKEN_FRAGMENT', sql: 'TRUE', values: [] } as unknown as Member}`.sql)
  t.strictSame(fragment`${"'; DROP TABLE patient"}`.values, ["'; DROP TABLE patient"])
})

t.test('it composes what slonik would', async () => {
  fc.assert(
    fc.property(tree, made => {
      const ours = make(made, fragment, join)
      const theirs = make(made, slonik.fragment, slonik.join)
      deepStrictEqual([ours.sql, ours.values], [theirs.sql.replaceAll('$slonik_', '$'), theirs.values])
    }),
  )
})

type Made =
  | { readonly kind: 'value'; readonly of: string | number | boolean | null }
  | { readonly kind: 'array'; readonly of: readonly number[] }
  | { readonly kind: 'name'; readonly of: readonly string[] }
  | { readonly kind: 'piece'; readonly of: readonly [Made, Made] }
  | { readonly kind: 'list'; readonly of: readonly Made[] }

const { tree } = fc.letrec<{ tree: Made }>(again => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.record({ kind: fc.constant('value'), of: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)) }),
    fc.record({ kind: fc.constant('array'), of: fc.array(fc.integer()) }),
    fc.record({
      kind: fc.constant('name'),
      of: fc.array(fc.constantFrom('row', 'a"b', 'Ä'), { minLength: 1, maxLength: 2 }),
    }),
    fc.record({ kind: fc.constant('piece'), of: fc.tuple(again('tree'), again('tree')) }),
    fc.record({ kind: fc.constant('list'), of: fc.array(again('tree'), { minLength: 1, maxLength: 4 }) }),
  ) as fc.Arbitrary<Made>,
}))

type Compose = (
  parts: TemplateStringsArray,
  ...members: readonly Member[]
) => { readonly sql: string; readonly values: readonly unknown[] } & SqlToken

const make = (made: Made, compose: Compose, listed: (members: readonly Member[], glue: never) => SqlToken) => {
  const memberOf = (one: Made): Member => {
    switch (one.kind) {
      case 'value':
        return one.of
      case 'array':
        return slonik.array(one.of, 'int4')
      case 'name':
        return slonik.identifier(one.of)
      case 'piece':
        return compose`(${memberOf(one.of[0])} AND ${memberOf(one.of[1])})`
      case 'list':
        return listed(one.of.map(memberOf), compose` OR ` as never)
    }
  }
  return compose`SELECT ${memberOf(made)}`
}
