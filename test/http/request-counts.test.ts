import t from 'tap'
import { RequestCounts } from '../../src/http/request-counts.ts'
import { keptBytes } from '../support/kept-memory.ts'

t.test('of a request in which somebody is named, nothing else is kept in memory', async t => {
  const counts = new RequestCounts({})
  const name = (n: number) => `pad=${String(n).padStart(50_000, 'x')}&client_id=made-up-client-${n}`.slice(-24)
  const kept = await keptBytes(() => {
    for (let n = 0; n < 2000; n += 1) counts.incr(name(n), () => {}, 60_000)
  })
  t.ok(kept < 20_000_000, 'their texts would be 100 MB')
  counts.incr(name(7), (_, counted) => t.match(counted, { current: 2 }), 60_000)
})

t.test('it counts for no more keys than it should, and forgets the one that has not come for the longest time', t => {
  const counts = new RequestCounts({ cache: 2 })
  const counted: number[] = []
  for (const key of ['ann', 'bea', 'ann', 'cleo', 'ann', 'bea'])
    counts.incr(key, (_, found) => counted.push(found?.current ?? 0), 60_000)
  t.strictSame(counted, [1, 1, 2, 1, 3, 1])
  t.end()
})

t.test('a limit takes room for the keys that have come, and not for all that may come', async t => {
  const limits: RequestCounts[] = []
  const kept = await keptBytes(() => {
    for (let n = 0; n < 100; n += 1) limits.push(new RequestCounts({ cache: 10_000 }))
    for (const limit of limits) limit.incr('ann', () => {}, 60_000)
  })
  t.ok(kept < 5_000_000, 'with room for all it would be 30 MB')
})
