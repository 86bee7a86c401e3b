import t from 'tap'
import type { Connection } from '../../../src/storage/database.ts'
import { openDurations } from '../../../src/storage/prepare/duration.ts'
import type { CandidateFacts } from '../../../src/storage/prepare/numbers.ts'

const [low, high] = ['2026-03-01T10:00:00Z', '2026-03-01T11:00:00Z']
const ofCodes = (...ids: readonly number[]) =>
  [{ low, high, codes: ids.map(codeId => ({ codeId, component: 0 })) }] as unknown as readonly CandidateFacts[]

/** How often the table is written. */
const counting = () => {
  const counted = { writes: 0 }
  const run = async () => {
    counted.writes += 1
  }
  return { counted, connection: { run } as unknown as Connection }
}

t.test('how long the Observations of a code last is written once, as long as none lasts longer', async t => {
  const { counted, connection } = counting()
  const { widen } = openDurations(connection)
  for (const codes of [ofCodes(1), ofCodes(1), ofCodes(1, 2), ofCodes(2)]) await widen(codes)
  t.equal(counted.writes, 2)
})

t.test('no more codes are remembered than there is room for, since whoever writes chooses them', async t => {
  const { counted, connection } = counting()
  const { widen } = openDurations(connection, { mostKept: 2 })
  for (const codes of [ofCodes(1), ofCodes(2), ofCodes(3), ofCodes(1)]) await widen(codes)
  t.equal(counted.writes, 4)
  for (const codes of [ofCodes(4, 5, 6), ofCodes(4)]) await widen(codes)
  t.equal(counted.writes, 6)
})
