import t from 'tap'
import { openCodeClasses } from '../../src/fhir/code-class.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { openOutbound } from '../../src/messages/outbound.ts'
import { none } from '../../src/search/expression.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { openSockets } from '../../src/subscriptions/sockets.ts'
import { withDatabase } from '../support/database.ts'
import { until } from './receiver.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url)
const outbound = openOutbound({ allowed: [] })
const sockets = openSockets({
  database,
  databaseUrl: url,
  registry: loadRegistry(),
  classes: openCodeClasses(),
  accessFor: () => () => none,
  readAs: () => Promise.reject(new Error('nothing is read')),
  outbound,
  base: () => 'http://localhost/fhir',
  recordTold: async () => {},
  reportFault: fault => t.fail(String(fault)),
})
t.teardown(async () => {
  await sockets.close()
  await outbound.close()
  await database.close()
  await close()
})

/** Somebody without a token, who counts why they were told to go. */
const connect = () => {
  const reasons: string[] = []
  const connected = sockets.open({ send: () => {}, close: reason => reasons.push(reason) }, undefined)
  return { ...connected, reasons }
}

t.test('whoever has bound nothing for longest makes room, so that nobody keeps others out', async t => {
  const all = Array.from({ length: 5003 }, connect)
  const gone = all.filter(({ reasons }) => reasons.length > 0)
  t.same(gone, all.slice(0, 3))
  t.same(gone[0]?.reasons, ['There are too many connections; try again later'])
  for (const { end } of all) end()
})

t.test('what comes in is looked at one by one, and not at all once the socket is closed', async t => {
  const { receive, reasons, end } = connect()
  await Promise.all(Array.from({ length: 50 }, () => receive('bind-with-token x')))
  t.same(reasons, ['The binding token is not known, or was used before'])
  end()
})

t.test('more messages at once than anybody has to say end it', async t => {
  const { receive, reasons, end } = connect()
  await Promise.all(Array.from({ length: 500 }, () => receive('bind-with-token x')))
  await until(() => reasons.length > 0)
  t.same(reasons, ['Too many messages at once'])
  end()
})
