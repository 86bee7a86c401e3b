import t from 'tap'
import { openCodeClasses } from '../../../../src/fhir/measured/code-class.ts'
import type { Connection } from '../../../../src/storage/database.ts'
import { openTerms } from '../../../../src/storage/model/consent/consent.ts'
import * as w from '../world.ts'

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

t.test('each Device that a Consent names is looked up once, however many versions there are', async t => {
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
    t.strictSame(await devicesOf('own'), [], 'if it has no source, everything that it measured is denied')
  }
  t.equal(statements, 3)
})

t.test('a Consent with denies that split into too many permits is refused, unless it gives nothing', async t => {
  const denies = Array.from({ length: 1500 }, (_, index) => {
    const day = new Date(Date.UTC(1950, 0, 1 + 2 * index)).toISOString().slice(0, 10)
    return { type: 'deny' as const, dataPeriod: { start: day, end: day } }
  })
  const since = { ...w.permit(pulse), dataPeriod: { start: '1900-01-01' } }
  const { extension: _, ...more } = w.consent('sleep', 'ann', 'active', [])
  const actor = [{ role: { coding: [{ code: 'IRCP' }] }, reference: { reference: 'Practitioner/doc' } }]
  const given = (status: 'active' | 'inactive', provision: readonly object[]) => ({
    ...more,
    id: 'ann-doc',
    status,
    scope: { coding: [{ code: 'patient-privacy' }] },
    provision: { type: 'deny' as const, actor, provision: [...provision] },
  })
  await world.put({ resourceType: 'Patient', id: 'ann' }, given('active', [since]))
  await t.rejects(world.put(given('active', [since, ...denies])), { message: /at most 3000 permits/ })
  await world.put(given('inactive', [since, ...denies]))
})

t.test('a no beside a yes that stands is refused, since the yes would go on, and one after its end is not', async t => {
  const weight = 'omh:body-weight'
  await world.put(
    w.organization('lab'),
    w.study('sleep', 'lab', [w.requests(weight)]),
    w.registered('bob', 'lab'),
    w.enrols('sleep', 'bob'),
  )
  const given = w.consent('sleep', 'bob', 'active', [w.permit(weight)])
  const no = { ...w.signedAnew(w.consent('sleep', 'bob', 'rejected', [])), id: 'no' }
  await world.put(given)
  await t.rejects(world.put(no), { status: 409, message: /^The patient has a Consent to the same study or recipient/ })
  await world.put({ ...given, status: 'inactive' }, no)
})

t.test('of a kind that a study asks for from one source, nothing is given from another, or from any', async t => {
  const weight = 'omh:body-weight'
  await world.put(
    w.organization('clinic'),
    w.study('scales', 'clinic', [w.requests(weight, 'band'), w.requests(pulse)]),
    w.registered('cat', 'clinic'),
    w.enrols('scales', 'cat'),
  )
  const giving = (status: 'proposed' | 'active', ...more: Parameters<typeof w.permit>) =>
    world.put(w.consent('scales', 'cat', status, [w.permit(...more)]))
  for (const status of ['proposed', 'active'] as const) {
    await t.rejects(giving(status, weight, instance('watch')), {
      status: 422,
      message: 'The study does not ask for omh:body-weight from Device/watch',
    })
    await t.rejects(giving(status, weight), { message: 'The study does not ask for omh:body-weight from any source' })
    await giving(status, weight, instance('band'))
  }
  await giving('active', pulse, instance('watch'))
})
