import type { ConsentProvision } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openPermitsBy, openPermitsOf } from '../../../src/storage/study/open-permits.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)
const heartRate = 'omh:heart-rate'

await put(w.organization('lab'), w.study('s', 'lab', [w.requests(heartRate)]))

const permits: Readonly<Record<string, ConsentProvision>> = {
  now: {},
  over: { period: { end: '2020-01-01' } },
  'to-come': { period: { start: '2999-01-01' } },
  'of-no-time': { dataPeriod: { start: '2026-03-01', end: '2026-02-01' } },
  proposed: {},
}
for (const [name, more] of Object.entries(permits)) {
  const status = name === 'proposed' ? 'proposed' : 'active'
  await put(w.registered(name, 'lab'), w.enrols('s', name), w.consent('s', name, status, [w.permit(heartRate, more)]))
}

t.test('what somebody gives is what can be read now or later, and never what is over or only asked for', async t => {
  const valid = async (name: string) => (await openPermitsOf(database, name)).map(one => one.valid)
  t.strictSame(await valid('now'), [{ low: '-infinity', high: 'infinity' }])
  t.strictSame(await valid('to-come'), [{ low: '2999-01-01T00:00:00.000Z', high: 'infinity' }])
  for (const name of ['over', 'of-no-time', 'proposed']) t.strictSame(await valid(name), [], name)
})

t.test('to whom it is given, only what can be read now is shown', async t => {
  const numbers = await database.any<{ number: number }>(
    sql.fragment`SELECT patient_id AS number FROM patient_compartment`,
  )
  const consents = Object.keys(permits).map(name => `consent-s-${name}`)
  const patientIds = numbers.map(({ number }) => number)
  const open = await openPermitsBy(database, { patientIds, consents })
  t.strictSame(
    open.map(({ consent }) => consent),
    ['consent-s-now'],
  )
  t.strictSame(await openPermitsBy(database, { patientIds, consents: ['consent-s-over'] }), [])
})
