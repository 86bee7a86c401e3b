import type { Consent, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from '../world.ts'

const weight = 'omh:body-weight'
const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf } = world

const dayMs = 24 * 60 * 60 * 1000
const momentIn = (days: number): string => new Date(Date.now() + days * dayMs).toISOString()
const dayIn = (days: number): string => momentIn(days).slice(0, 10)

await put(w.organization('lab'), w.organization('home'))

let made = 0
/** A study that has had these statuses, one after another, and a patient who is in it. */
const openStudy = async (...states: readonly Partial<ResearchStudy>[]) => {
  const id = `study-${++made}`
  const patient = `ann-${made}`
  const become = (state: Partial<ResearchStudy>) =>
    put({ ...w.study(id, 'lab', [w.requests(weight), w.requests(heartRate)]), ...state } as ResearchStudy)
  for (const state of states) await become(state)
  await put(w.registered(patient, 'home'), w.enrols(id, patient))
  const own = storeOf(w.patient(patient, 'patient/*.cruds patient/Consent.cruds', ['records-consent']))
  const consent = (dateTime: string, change: Partial<Consent> = {}): Consent => {
    const { id: _, ...rest } = w.consent(id, patient, 'active', [w.permit(weight)])
    return { ...rest, dateTime, ...change }
  }
  const write = async (resource: Consent) => {
    const at = resource.id
    const [written] = await own.write([
      at === undefined ? { kind: 'create', resource } : { kind: 'update', id: at, resource },
    ])
    if (written?.outcome === 'refused') return { status: written.error.status, issues: written.error.issues }
    return { status: written?.outcome, id: written?.id }
  }
  return { id, become, consent, write }
}

const closed: readonly (readonly [string, readonly Partial<ResearchStudy>[], RegExp])[] = [
  ['paused', [{}, { status: 'temporarily-closed-to-accrual' }], /since \S+Z; its status is temporarily-closed/],
  ['closed', [{}, { status: 'closed-to-accrual' }], /since \S+Z; its status is closed-to-accrual\./],
  ['over', [{}, { status: 'completed' }], /its status is completed\./],
  ['never opened', [{ status: 'in-review' }], /its status is in-review\./],
  [
    'over by its last day',
    [{ period: { end: dayIn(-2) } }],
    new RegExp(`since ${dayIn(-1)}T00:00:00.000Z; its status`),
  ],
  [
    'over by its last day, and completed since',
    [{ period: { end: dayIn(-2) } }, { period: { end: dayIn(-2) }, status: 'completed' }],
    new RegExp(`since ${dayIn(-1)}T00:00:00.000Z; its status is completed`),
  ],
]

for (const [name, states, told] of closed) {
  t.test(`to a study that is ${name}, nobody gives anything new unless they signed before`, async t => {
    const { consent, write } = await openStudy(...states)
    const refused = await write(consent(momentIn(1)))
    t.match(refused, { status: 422, issues: [{ code: 'business-rule', expression: 'Consent.status', message: told }] })
    t.match(refused, {
      issues: [{ message: /Only a Consent that was signed before, as its dateTime tells, begins now/ }],
    })
    t.match(await write(consent(momentIn(-3))), { status: 'created' })
  })
}

t.test('nobody has signed before the first day of a study', async t => {
  const { consent, write } = await openStudy({ period: { start: dayIn(1) } })
  for (const signed of [momentIn(-3), momentIn(0)])
    t.match(await write(consent(signed)), {
      status: 422,
      issues: [{ message: /takes nobody new yet, as its first day is to come; its status is active/ }],
    })
})

t.test('a day counts if it began before the study closed in any time zone, and a month does not end it', async t => {
  const { consent, write } = await openStudy({}, { status: 'closed-to-accrual' })
  t.match(await write(consent(dayIn(2))), { status: 422 })
  t.match(await write(consent(dayIn(0))), { status: 'created' })
})

t.test('a pending consent can be refused, and accepted once the study takes people again', async t => {
  const { consent, write, become } = await openStudy({})
  const { id = '' } = await write(consent(momentIn(-3), { status: 'proposed' }))
  await become({ status: 'temporarily-closed-to-accrual' })
  t.match(await write({ ...consent(momentIn(0)), id }), { status: 422 })
  await become({})
  await become({ status: 'closed-to-accrual' })
  t.match(await write({ ...consent(momentIn(0)), id }), { status: 422 }, 'the last time that it closed counts')
  await become({})
  t.match(await write({ ...consent(momentIn(0)), id }), { status: 'updated' })
})

t.test('an existing consent can be changed and ended as always, but not begin again', async t => {
  const { consent, write, become } = await openStudy({})
  const { id = '' } = await write(consent(momentIn(0)))
  await become({ status: 'closed-to-accrual' })
  const more = { provision: { type: 'deny' as const, provision: [w.permit(weight), w.permit(heartRate)] } }
  t.match(await write({ ...consent(momentIn(0), more), id }), { status: 'updated' })
  t.match(await write({ ...consent(momentIn(0), { status: 'inactive' }), id }), { status: 'updated' })
  t.match(await write(consent(momentIn(0))), { status: 422 })
})
