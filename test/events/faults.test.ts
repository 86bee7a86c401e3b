import { Writable } from 'node:stream'
import t from 'tap'
import { openFaults } from '../../src/events/faults.ts'
import { openLog } from '../../src/events/log.ts'
import { FhirError } from '../../src/fhir/error.ts'
import { setBackWhile } from '../support/clock.ts'

const openBackground = ({ isByItsOwnClock = false } = {}) => {
  const lines: Record<string, unknown>[] = []
  const into = new Writable({
    write: (chunk, _, done) => {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const clock = { ms: 0 }
  const report = openFaults({ log: openLog('info', into), ...(!isByItsOwnClock && { now: () => clock.ms }) })
  return { lines, clock, report }
}

const away = () =>
  new FhirError('transient', 'The database cannot be reached', { cause: new Error('connect ECONNREFUSED') })

t.test('a continuing fault is reported once a minute, with how often it occurred since', async t => {
  const { lines, clock, report } = openBackground()
  for (clock.ms = 0; clock.ms <= 120_000; clock.ms += 500) report(away())
  t.match(lines, [
    { level: 50, msg: 'The database cannot be reached', err: { cause: { message: 'connect ECONNREFUSED' } } },
    { level: 50, msg: 'The database cannot be reached', repeated: 119 },
    { level: 50, msg: 'The database cannot be reached', repeated: 119 },
  ])
  t.equal(lines[0]?.repeated, undefined)
  t.equal(lines.length, 3)
})

t.test('another fault, or the same with another cause, is reported at once', async t => {
  const { lines, report } = openBackground()
  report(away())
  report(new FhirError('transient', 'The database cannot be reached', { cause: new Error('too many connections') }))
  report(new Error('something else'))
  report('a text')
  t.same(
    lines.map(({ msg }) => msg),
    ['The database cannot be reached', 'The database cannot be reached', 'something else', 'a text'],
  )
})

t.test('a fault that all workers of the queue meet is one, though each names itself in it', async t => {
  const { lines, report } = openBackground()
  for (const worker of ['Queue: letter, Worker: 1', 'Queue: letter, Worker: 2', 'Queue: invitation, Worker: 3'])
    report({ message: `read ECONNRESET (${worker})` })
  t.same(
    lines.map(({ msg }) => msg),
    ['read ECONNRESET (Queue: letter, Worker: 1)'],
  )
})

t.test('a fault that returns later is reported as if for the first time', async t => {
  const { lines, clock, report } = openBackground()
  report(new Error('once'))
  clock.ms = 60_000
  report(new Error('once'))
  t.same(
    lines.map(({ msg, repeated }) => [msg, repeated]),
    [
      ['once', undefined],
      ['once', undefined],
    ],
  )
})

t.test('a fault that is only fields is an error as well, without the values of rows', async t => {
  const { lines, report } = openBackground()
  report({ message: 'duplicate key', code: '23505', detail: 'Key (id)=(secret) already exists.', queue: 'invitation' })
  t.match(lines, [{ msg: 'duplicate key', err: { message: 'duplicate key', code: '23505', queue: 'invitation' } }])
  t.notMatch(JSON.stringify(lines), 'secret')
})

t.test('a fault is reported again after a minute, even if the clock was set back meanwhile', async t => {
  const { lines, report } = openBackground({ isByItsOwnClock: true })
  report(away())
  setBackWhile(t, 61)
  report(away())
  t.equal(lines.length, 2)
})
