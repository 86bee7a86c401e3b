import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from '../world.ts'

const [weight, pulse] = ['omh:body-weight', 'omh:heart-rate']
const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf, see } = world

await put(
  w.organization('lab'),
  w.role('bea', 'lab', 'viewer'),
  w.study('sleep', 'lab', [w.requests(weight), w.requests(pulse)]),
)

let made = 0
/** A patient who gives the study both kinds, and their app. */
const openPatient = async (signed: string, status: 'active' | 'proposed' = 'active') => {
  const patient = `ann-${++made}`
  await put(
    w.registered(patient, 'lab'),
    w.enrols('sleep', patient),
    ...[weight, pulse].map(kind => w.measured(`${patient}-${kind.slice(4)}`, patient, kind)),
  )
  const own = storeOf(w.patient(patient, 'patient/*.cruds patient/Consent.cruds', ['records-consent']))
  const consent = (dateTime: string | undefined, ...kinds: readonly string[]): Consent => {
    const permits = kinds.map(kind => w.permit(kind, { dataPeriod: { start: '2026-01-01' } }))
    const { id: _, dateTime: __, ...rest } = w.consent('sleep', patient, 'active', permits)
    return { ...rest, ...(dateTime && { dateTime }) }
  }
  const [first] = await own.write([{ kind: 'create', resource: { ...consent(signed, weight, pulse), status } }])
  const id = first?.outcome === 'created' ? first.id : ''
  const change = async (resource: Consent) => {
    const [written] = await own.write([{ kind: 'update', id, resource: { ...resource, id } }])
    return written?.outcome === 'refused'
      ? { status: written.error.status, message: written.error.message }
      : { status: written?.outcome }
  }
  const read = () => see(storeOf(w.staff('bea')), 'Observation', `patient=${patient}`)
  return { patient, consent, change, read }
}

const now = () => new Date().toISOString()
const refused = {
  status: 422,
  message:
    /^Some of this was given before and taken back at \S+Z; only what was signed after that, as Consent\.dateTime tells, gives it again$/,
}

t.test('sending a kept version again does not undo that a part was withdrawn', async t => {
  const signed = now()
  const { patient, consent, change, read } = await openPatient(signed)
  t.equal((await read()).length, 2)
  for (const narrowed of [consent(signed, weight), consent(now(), weight)]) {
    t.match(await change(narrowed), { status: 'updated' })
    t.match(await change(consent(signed, weight, pulse)), refused)
    t.match(await change(consent('2026-01-01T00:00:00Z', weight, pulse)), refused)
    t.match(await change(consent(undefined, weight, pulse)), refused, 'nor without a dateTime')
    t.strictSame(await read(), [`${patient}-body-weight`])
    t.match(
      await change(consent(now(), weight, pulse)),
      { status: 'updated' },
      'what is signed after it gives it again',
    )
    t.equal((await read()).length, 2)
  }
})

t.test('nor does it when signed by a clock that is ahead, whichever clock signed the others', async t => {
  const ahead = '2199-01-01T00:00:00Z'
  for (const narrowedAt of [ahead, now()]) {
    const { consent, change } = await openPatient(ahead)
    t.match(await change(consent(narrowedAt, weight)), { status: 'updated' })
    t.match(await change(consent(ahead, weight, pulse)), refused)
    t.match(await change(consent(now(), weight, pulse)), { status: 'updated' })
    t.match(await change(consent(now(), weight)), { status: 'updated' })
    t.match(await change(consent(ahead, weight, pulse)), refused)
  }
})

t.test('what was never given before can be given with the time at which the rest was signed', async t => {
  const signed = now()
  const { consent, change } = await openPatient(signed)
  const [only, more] = ['2026-03-01', '2025-01-01'].map(start => ({
    ...consent(signed),
    provision: { type: 'deny' as const, provision: [w.permit(weight, { dataPeriod: { start } })] },
  }))
  t.match(await change(only as Consent), { status: 'updated' })
  t.match(await change(more as Consent), { status: 'updated' })
})

t.test('what was only proposed was never given', async t => {
  const signed = now()
  const { consent, change, read } = await openPatient(signed, 'proposed')
  t.match(await change(consent(signed, weight)), { status: 'updated' })
  t.equal((await read()).length, 1)
  t.match(await change(consent(signed, weight, pulse)), { status: 'updated' })
})

t.test('it is remembered behind a thousand versions that an app has written since', async t => {
  const signed = '2026-02-01T00:00:00Z'
  const { consent, change, read } = await openPatient(signed)
  const narrowed = consent(signed, weight)
  for (let number = 0; number <= 1000; number += 1) {
    const extension = [...(narrowed.extension ?? []), { url: 'http://app.example/number', valueInteger: number }]
    await change({ ...narrowed, extension })
  }
  t.match(await change(consent(signed, weight, pulse)), {
    status: 422,
    message: /^At least 1000 versions of this Consent/,
  })
  t.equal((await read()).length, 1)
  t.match(await change(consent(now(), weight, pulse)), { status: 'updated' }, 'signed now, it counts')
})
