import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { fewAtOnce } from '../../../src/web/page/few-at-once.ts'

t.test('what is made stands in the order of what it is made of, and two are made at once', async t => {
  let now = 0
  let most = 0
  const made = await fewAtOnce([3, 1, 2, 1], async turns => {
    most = Math.max(most, ++now)
    for (let turn = 0; turn < turns; turn += 1) await setImmediate()
    now -= 1
    return `after ${turns}`
  })
  t.strictSame({ made, most }, { made: ['after 3', 'after 1', 'after 2', 'after 1'], most: 2 })
})

t.test('once one has failed, no other is begun', async t => {
  const begun: number[] = []
  const failing = fewAtOnce([1, 2, 3, 4], async one => {
    begun.push(one)
    await setImmediate()
    if (one === 1) throw new Error('it failed')
  })
  await t.rejects(failing, { message: 'it failed' })
  await setImmediate()
  t.strictSame(begun, [1, 2])
})
