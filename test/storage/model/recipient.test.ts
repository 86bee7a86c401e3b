import type { Extension, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf } = world
const importer = w.client('importer', { policies: ['everything'] })

const study = (...staff: readonly Extension[]) =>
  w.study('s', 'lab', [w.requests(heartRate), w.patientText('1', w.usualWords), ...staff])
/** Whether the study may have this staff. */
const mayHave = async (...staff: readonly Extension[]): Promise<boolean> => {
  const [written] = await storeOf(importer).write([{ kind: 'update', id: 's', resource: study(...staff) }])
  if (written?.outcome === 'refused') t.match(written.error, { status: 422, message: /works outside the organization/ })
  return written?.outcome !== 'refused'
}
await put(w.organization('university'), w.organization('lab', 'university'), w.organization('annex', 'lab'))
await put(w.organization('clinic'), w.role('early', 'clinic', 'viewer'), w.role('late', 'clinic', 'viewer'))
await put(
  w.role('colleague', 'lab', 'viewer'),
  w.role('below', 'annex', 'viewer'),
  w.role('above', 'university', 'viewer'),
  { ...w.role('next', 'lab', 'viewer'), period: { start: '2199-01-01' } } as Resource,
)
await put(w.registered('ann', 'lab'), study(), w.enrols('s', 'ann'))
const early = w.works('early', 'collaborator')

t.test('as long as nobody has consented, recipients from elsewhere can be added', async t => {
  t.ok(await mayHave(early))
  await put(w.consent('s', 'ann', 'proposed', [w.permit(heartRate)]))
  t.ok(await mayHave(early, w.works('late', 'collaborator')))
  t.ok(await mayHave(early))
})

t.test('once somebody has consented, only people of the organization or below it can be added', async t => {
  await put(w.consent('s', 'ann', 'active', [w.permit(heartRate)]))
  t.notOk(await mayHave(early, w.works('late', 'collaborator')))
  t.notOk(await mayHave(early, w.works('above', 'researcher')))
  t.notOk(await mayHave(early, w.works('nobody', 'researcher')))
  t.notOk(await mayHave(early, w.works('next', 'researcher')), 'nor who is to work there only later')
  t.ok(await mayHave(early, w.works('colleague', 'researcher'), w.works('below', 'researcher')))
  t.ok(await mayHave(w.works('early', 'researcher')), 'an existing recipient can get another role')
})

t.test('somebody who left is a new recipient, who can return once nobody’s consent is in force', async t => {
  t.ok(await mayHave(w.works('early', 'collaborator', '2026-01-01')))
  t.notOk(await mayHave(early))
  await put(w.consent('s', 'ann', 'inactive', [w.permit(heartRate)]))
  t.ok(await mayHave(early))
})

t.test('whose role in the organization ends is named until then at most', async t => {
  const given = w.signedAnew(w.consent('s', 'ann', 'active', [w.permit(heartRate)]))
  await put(w.role('intern', 'annex', 'viewer', '2199-06-30'), { ...given, id: 'again' })
  const [written] = await storeOf(importer).write([
    { kind: 'update', id: 's', resource: study(w.works('intern', 'researcher')) },
  ])
  t.match(written, {
    outcome: 'refused',
    error: {
      status: 422,
      message:
        /^Practitioner\/intern works in the organization of the study until 2199-07-01T00:00:00.000Z, .* their entry ends by then as well; or, once/,
    },
  })
  t.ok(await mayHave(w.works('intern', 'researcher', '2199-06-30')))
  const longer = await storeOf(importer).write([
    { kind: 'update', id: 's', resource: study(w.works('intern', 'researcher', '2199-07-01')) },
  ])
  t.match(longer, [{ outcome: 'refused' }], 'nor is what was named made longer')
  await put(w.role('intern', 'annex', 'viewer'))
  t.ok(await mayHave(w.works('intern', 'researcher')))
  await put(w.role('intern', 'annex', 'viewer', '2199-06-30'))
  t.ok(await mayHave(w.works('intern', 'manager')), 'who was named for longer before may stay')
})

t.test('once the time of all that was given is over, recipients from elsewhere can be added', async t => {
  const given = (...permits: Parameters<typeof w.consent>[3]) => ({
    ...w.signedAnew(w.consent('s', 'ann', 'active', permits)),
    id: 'again',
  })
  t.notOk(await mayHave(early))
  await put(given(w.permit(heartRate, { period: { end: '2026-01-31' } })))
  t.ok(await mayHave(early))
})
