import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { atIntervals } from '../../src/events/at-intervals.ts'

t.test('work that takes longer than an interval is not begun a second time in parallel', async t => {
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

t.test('a failure is reported, and the work is still repeated', async t => {
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

t.test('closing it signals the work in progress, waits for it, and starts nothing any more', async t => {
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
