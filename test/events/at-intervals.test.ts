import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { atIntervals } from '../../src/events/at-intervals.ts'

t.test('what takes longer than an interval is not begun a second time beside it', async t => {
  const held = Promise.withResolvers<void>()
  const again = Promise.withResolvers<void>()
  let begun = 0
  const { close } = atIntervals(
    async () => {
      begun += 1
      if (begun === 2) again.resolve()
      await held.promise
    },
    { pauseMs: 1, reportFault: fault => t.fail(String(fault)) },
  )
  await sleep(30)
  t.equal(begun, 1)
  held.resolve()
  await again.promise
  await close()
})

t.test('one time that fails is told, and is not the last', async t => {
  const faults: unknown[] = []
  const again = Promise.withResolvers<void>()
  const { close } = atIntervals(
    async () => {
      if (faults.length === 0) throw new Error('once')
      again.resolve()
    },
    { pauseMs: 1, reportFault: fault => faults.push(fault) },
  )
  await again.promise
  await close()
  t.match(faults, [{ message: 'once' }])
})

t.test('closing it tells what is under way, waits for it, and nothing is begun any more', async t => {
  let begun = 0
  let isOver = false
  const { close } = atIntervals(
    async closing => {
      begun += 1
      while (!closing.aborted) await sleep(1)
      isOver = true
    },
    { pauseMs: 1, reportFault: fault => t.fail(String(fault)) },
  )
  await close()
  t.ok(isOver)
  await sleep(10)
  t.equal(begun, 1)
})
