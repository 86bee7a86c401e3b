import t from 'tap'
import { roomIn } from '../../../src/storage/quarantine/quarantine-room.ts'

const room = { documents: 40, bytes: 1000 }
const one = (patient: string, bytes: number) => ({ source: 'band', patient, bytes })

t.test(
  'what a source has sent takes so many documents and bytes at most, and a tenth of both of one patient',
  async t => {
    const takes = roomIn(room, [])
    t.strictSame(
      [101, 100, 1].map(bytes => takes(one('ann', bytes))),
      [false, true, false],
      'a tenth of the bytes',
    )
    t.strictSame(
      [1, 1, 1, 1, 1].map(bytes => takes(one('ben', bytes))),
      [true, true, true, true, false],
    )
    t.equal(takes({ ...one('ann', 100), source: 'scale' }), true, 'each source has its own')
    const others = Array.from({ length: 10 }, (_, number) => takes(one(`patient-${number}`, 96)))
    t.strictSame(others, [...Array(9).fill(true), false], 'all of the bytes')
  },
)

t.test('what waits already counts, by documents and by bytes', async t => {
  const used = [
    { source: 'band', patient: 'ann', documents: 1, bytes: '99' },
    { source: 'band', patient: 'ben', documents: 4, bytes: '4' },
    { source: 'scale', patient: 'cid', documents: 4, bytes: '100' },
  ]
  const takes = roomIn(room, used)
  t.strictSame([one('ann', 2), one('ann', 1), one('ben', 1), one('cid', 100)].map(takes), [false, true, false, true])
})
