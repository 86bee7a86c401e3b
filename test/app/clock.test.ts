import t, { type Test } from 'tap'
import { openClockWatch } from '../../src/app/clock.ts'
import type { Event } from '../../src/events/event.ts'
import { openTestDatabase } from '../support/database.ts'

/** What a server says at its start whose clock is ahead by so many seconds; a few may pass while it asks. */
const toldWith = async (t: Test, ahead: number): Promise<readonly string[]> => {
  const { database } = await openTestDatabase(t)
  const { now } = Date
  const told: Event[] = []
  Date.now = () => now() + ahead * 1000
  try {
    const reportFault = (fault: unknown) => t.fail(String(fault))
    await openClockWatch(database, { tell: event => told.push(event), reportFault }).close()
  } finally {
    Date.now = now
  }
  return told.map(event =>
    event.kind === 'clocks-differ' ? `${Math.round(event.seconds / 60)} min ${event.side}` : event.kind,
  )
}

t.test('a server whose clock is that of its database says nothing', async t => {
  t.same(await toldWith(t, 0), [])
  t.same(await toldWith(t, 0.5), [], 'nor if half a second lies between them')
})

t.test('one whose clock is ahead or behind says by how much', async t => {
  t.same(await toldWith(t, 600), ['10 min ahead of'])
  t.same(await toldWith(t, -1200), ['20 min behind'])
})
