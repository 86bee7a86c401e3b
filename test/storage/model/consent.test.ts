import t from 'tap'
import { openCodeClasses } from '../../../src/fhir/code-class.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { openTerms } from '../../../src/storage/model/consent.ts'
import * as w from './world.ts'

const world = await w.openWorld()
t.teardown(world.close)

const pulse = 'omh:heart-rate'
const instance = (id: string) => ({
  data: [{ meaning: 'instance' as const, reference: { reference: `Device/${id}` } }],
})

await world.put(
  { resourceType: 'Device', id: 'band' },
  { resourceType: 'Device', id: 'watch' },
  { resourceType: 'Device', id: 'own', patient: { reference: 'Patient/ann' } },
)

t.test('of many versions of a Consent each Device that they name is asked about once', async t => {
  let statements = 0
  const noting: Connection = {
    ...world.database,
    any: query => {
      statements += 1
      return world.database.any(query)
    },
  }
  const read = openTerms(noting, { classes: openCodeClasses() })
  const devicesOf = async (...denied: readonly string[]) => {
    const denies = denied.map(id => ({ ...w.permit(pulse, instance(id)), type: 'deny' as const }))
    const terms = await read(w.consent('sleep', 'ann', 'active', [w.permit(pulse, instance('band')), ...denies]))
    return terms?.permits.map(({ device }) => device)
  }
  for (let version = 0; version < 20; version += 1) {
    t.strictSame(await devicesOf(), ['band'])
    t.strictSame(await devicesOf('watch'), ['band'])
    t.strictSame(await devicesOf('band', 'watch'), [])
    t.strictSame(await devicesOf('own'), [], 'what is no source is denied whatever measured it')
  }
  t.equal(statements, 3)
})
