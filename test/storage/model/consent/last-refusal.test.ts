import { setTimeout as sleep } from 'node:timers/promises'
import type { Consent, ResearchSubject, Resource } from '@medplum/fhirtypes'
import t, { type Test } from 'tap'
import { sql } from '../../../../src/storage/sql.ts'
import * as w from '../world.ts'

const weight = 'omh:body-weight'
const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf, importer } = world

await put(
  w.organization('lab'),
  w.organization('home'),
  w.study('sleep', 'lab', [w.requests(weight), w.requests(heartRate)]),
)

let made = 0
/** A patient of the study, their app, and what a client that imports writes, with ids that it chooses. */
const openPatient = async () => {
  const patient = `ann-${++made}`
  await put(w.registered(patient, 'home'), w.enrols('sleep', patient))
  const own = storeOf(w.patient(patient, 'patient/*.cruds patient/Consent.cruds', ['records-consent']))
  const consent = (status: NonNullable<Consent['status']>, dateTime?: string): Consent => {
    const { id: _, dateTime: __, ...rest } = w.consent('sleep', patient, status, [w.permit(weight)])
    return { ...rest, ...(dateTime && { dateTime }) }
  }
  const write = async (resource: Consent) => {
    const { id } = resource
    return answerOf(
      await own.write([id === undefined ? { kind: 'create', resource } : { kind: 'update', id, resource }]),
    )
  }
  const end = (id: string) => own.write([{ kind: 'delete', type: 'Consent', id }])
  return { patient, consent, write, end }
}

type Written = Awaited<ReturnType<typeof importer.write>>

const answerOf = ([written]: Written) =>
  written?.outcome === 'refused'
    ? { status: written.error.status, issues: written.error.issues }
    : { status: written?.outcome, id: written?.id ?? '' }

const now = () => new Date().toISOString()
/** What is stored from then on is later, which within the same millisecond it would not be. */
const untilAfter = async (moment: string) => {
  while (Date.now() <= Date.parse(moment)) await sleep(1)
}
const secondAgo = () => new Date(Date.now() - 1000).toISOString()
const dayIn = (days: number) => new Date(Date.now() + days * 24 * 60 * 60 * 1000).toISOString().slice(0, 10)

const refused = {
  status: 422,
  issues: [
    {
      code: 'business-rule',
      expression: 'Consent.dateTime',
      message:
        /^The patient said no to this study, or left it, or what they gave it was ended, at \S+Z; only what was signed after that, as Consent\.dateTime tells, counts$/,
    },
  ],
}

const sendAgain = async (t: Test, status: 'inactive' | 'entered-in-error') => {
  const { consent, write } = await openPatient()
  const signed = now()
  const { id = '' } = await write(consent('active', signed))
  t.match(await write({ ...consent(status, signed), id }), { status: 'updated' })
  t.match(await write(consent('active', signed)), refused)
  t.match(await write(consent('active', '2026-01')), refused, 'a month does not do')
  t.match(await write(consent('active')), refused, 'nor does no dateTime')
  t.match(await write(consent('proposed', signed)), { status: 'created' }, 'a proposal gives nothing yet')
}

t.test('sending a kept active version again does not undo a withdrawal', t => sendAgain(t, 'inactive'))

t.test('sending a kept active version again does not undo entered-in-error', t => sendAgain(t, 'entered-in-error'))

t.test('nor does it undo a deletion, even if the client chooses the ids', async t => {
  const { consent, write, end } = await openPatient()
  const signed = now()
  const { id = '' } = await write(consent('active', signed))
  await end(id)
  t.match(await write(consent('active', signed)), refused)
  const again = { kind: 'update', id, resource: { ...consent('active', signed), id } } as const
  t.match(answerOf(await importer.write([again])), refused)
  t.match(answerOf(await importer.write([{ ...again, resource: { ...again.resource, dateTime: now() } }])), {
    status: 'created',
  })
})

t.test('after a refusal a consent begins if it is signed later, and a proposal if it is answered later', async t => {
  const { consent, write } = await openPatient()
  const before = secondAgo()
  await write(consent('rejected', now()))
  const { id = '' } = await write(consent('proposed', before))
  t.match(await write({ ...consent('active', before), id }), refused)
  const signed = now()
  t.match(await write({ ...consent('active', signed), id }), { status: 'updated' })
  t.match(
    await write({ ...consent('active', signed), id, language: 'en' }),
    { status: 'updated' },
    'what exists can be changed as always',
  )
  t.match(await write({ ...consent('active', before), id }), refused, 'but gives nothing from before the refusal')
})

t.test('a refusal whose dateTime is the last that FHIR can write counts from when it was stored', async t => {
  for (const dateTime of ['9999', '9999-12-31', '9999-12-31T23:59:59Z']) {
    const { consent, write } = await openPatient()
    const before = secondAgo()
    t.match(await write(consent('rejected', dateTime)), { status: 'created' }, dateTime)
    t.match(await write(consent('active', before)), refused, dateTime)
    t.match(await write(consent('active', now())), { status: 'created' }, dateTime)
  }
})

t.test('what was signed since is not widened by what was signed before', async t => {
  const { consent, write } = await openPatient()
  const signed = now()
  const wider = (dateTime: string): Consent => {
    const given = consent('active', dateTime)
    return { ...given, provision: { ...given.provision, provision: [w.permit(weight), w.permit(heartRate)] } }
  }
  const first = await write(wider(signed))
  await write({ ...wider(signed), status: 'inactive', id: first.id ?? '' })
  const { id = '' } = await write(consent('active', now()))
  t.match(await write({ ...wider(signed), id }), refused)
  t.match(await write({ ...wider(now()), id }), { status: 'updated' })
})

t.test('a day counts if it began after the refusal in any time zone', async t => {
  const { consent, write } = await openPatient()
  const { id = '' } = await write(consent('active', now()))
  await write({ ...consent('inactive', now()), id })
  t.match(await write(consent('active', dayIn(-1))), refused)
  t.match(await write(consent('active', dayIn(1))), { status: 'created' })
})

t.test('what was given before can be signed again with a day only, or by a clock that is ahead', async t => {
  const ahead = new Date(Date.now() + 600_000).toISOString()
  for (const [signed, ...others] of [
    [dayIn(1)],
    [ahead, ahead.replace('Z', '+00:00')],
    ['2199-01-01T00:00:00Z', '2198-12-31T14:00:00-10:00'],
  ] as const) {
    const { consent, write, end } = await openPatient()
    const { id = '' } = await write(consent('active', signed))
    await write({ ...consent('inactive', signed), id })
    for (const one of [signed, ...others])
      t.match(
        await write(consent('active', one)),
        {
          status: 422,
          issues: [{ message: /a Consent of the same dateTime was given before that, and only another counts$/ }],
        },
        one,
      )
    const again = await write(consent('active', now()))
    t.match(again, { status: 'created' }, 'a different consent does not')
    await end(again.id ?? '')
    t.match(await write(consent('active', signed)), { status: 422 }, 'nor after the next refusal')
  }
})

t.test('what had ended before it was stored here does not block what was signed later', async t => {
  const { consent } = await openPatient()
  const bring = async (resource: Consent) => answerOf(await importer.write([{ kind: 'create', resource }]))
  t.match(await bring(consent('inactive', '2020-05-01T08:00:00Z')), { status: 'created' })
  t.match(await bring(consent('rejected', '2021-05-01T08:00:00Z')), { status: 'created' })
  t.match(await bring(consent('active', '2021-04-30T08:00:00Z')), refused)
  t.match(await bring(consent('active', '2023-05-01T08:00:00Z')), { status: 'created' })
})

t.test('an end counts from when it was stored, and not from when was signed what it ends', async t => {
  const { consent, write } = await openPatient()
  const [signed, kept] = ['2026-03-01T08:00:00Z', '2026-03-02T08:00:00Z']
  const { id = '' } = await write(consent('active', signed))
  t.match(await write({ ...consent('inactive', signed), id }), { status: 'updated' })
  t.match(await write(consent('active', kept)), refused, 'another yes that an app has kept')
})

t.test('a yes that was signed on the day of one to another study is none that was given before', async t => {
  const { patient, consent, write } = await openPatient()
  await put(w.study('next', 'lab', [w.requests(weight)]), w.enrols('next', patient))
  const { id: _, ...other } = w.consent('next', patient, 'active', [w.permit(weight)])
  const signed = dayIn(1)
  t.match(await write({ ...other, dateTime: signed }), { status: 'created' })
  await write(consent('rejected', now()))
  t.match(await write(consent('active', signed)), { status: 'created' })
})

t.test('refusing one study does not refuse another', async t => {
  const { patient, consent, write } = await openPatient()
  await put(w.study('other', 'lab', [w.requests(weight)]), w.enrols('other', patient))
  const signed = now()
  await write(consent('rejected', now()))
  const { id: _, ...other } = w.consent('other', patient, 'active', [w.permit(weight)])
  t.match(await write({ ...other, dateTime: signed }), { status: 'created' })
})

t.test('it holds for consents to a practitioner or an organization, too', async t => {
  const { patient, write } = await openPatient()
  await put({ resourceType: 'Practitioner', id: 'gp' } as Resource)
  const to = (reference: string, status: NonNullable<Consent['status']>, dateTime: string): Consent => {
    const {
      id: _,
      extension: __,
      sourceAttachment: ___,
      ...rest
    } = w.consent('sleep', patient, status, [
      w.permit(weight, { actor: [{ role: { coding: [{ code: 'IRCP' }] }, reference: { reference } }] }),
    ])
    return { ...rest, dateTime, scope: { coding: [{ code: 'patient-privacy' }] } }
  }
  for (const [kind, reference] of [
    ['practitioner', 'Practitioner/gp'],
    ['organization', 'Organization/lab'],
  ] as const) {
    const signed = now()
    const { id = '' } = await write(to(reference, 'active', signed))
    await write({ ...to(reference, 'inactive', signed), id })
    t.match(await write(to(reference, 'active', signed)), {
      status: 422,
      issues: [{ message: new RegExp(`said no to this ${kind}`) }],
    })
    t.match(await write(to(reference, 'active', now())), { status: 'created' })
  }
})

/** Their place in the study, or with an id of its own another one. */
const place = (patient: string, more: Partial<ResearchSubject> = {}): Resource =>
  ({ ...w.enrols('sleep', patient), ...more }) as Resource
const over = { status: 'withdrawn' } as const

t.test('what was signed before leaving does not count for another place, whatever ended the first', async t => {
  const ends: Readonly<Record<string, (patient: string) => Promise<unknown>>> = {
    'its status': patient => put(place(patient, over)),
    'its period': patient => put(place(patient, { period: { end: now() } })),
    'another study': patient => put(place(patient, { study: { reference: 'ResearchStudy/other' } })),
    deletion: patient => importer.write([{ kind: 'delete', type: 'ResearchSubject', id: `sleep-${patient}` }]),
  }
  await put(w.study('other', 'lab', [w.requests(weight)]))
  for (const [what, end] of Object.entries(ends)) {
    const { patient, consent, write } = await openPatient()
    const signed = secondAgo()
    await end(patient)
    const left = now()
    await put(place(patient, { id: `${patient}-again` }))
    t.match(await write(consent('active', signed)), refused, what)
    t.match(await write(consent('active', left)), { status: 'created' }, `${what}, signed since`)
  }
})

t.test('who keeps another place, made when a patient could have two, has not left', async t => {
  const { patient, consent, write } = await openPatient()
  const signed = now()
  const second = { id: `${patient}-second`, ...over }
  await put(place(patient, second), place(patient, { id: `${patient}-third`, ...over }))
  await world.database.run(
    sql.fragment`UPDATE enrolment SET in_force = TRUE, period_end = 'infinity' WHERE id = ${second.id}`,
  )
  await put(w.enrols('sleep', patient, 'off-study'))
  t.match(await write(consent('active', signed)), { status: 'created' })
})

t.test('a place that is changed after it had ended was still left when it ended', async t => {
  const { patient, consent, write } = await openPatient()
  await put(w.enrols('sleep', patient, 'withdrawn'))
  const signed = now()
  await put(place(patient, { ...over, actualArm: 'A' }), place(patient, { id: `${patient}-again` }))
  t.match(await write(consent('active', signed)), { status: 'created' })
})

t.test('a place that was changed before it ended was left when it ended', async t => {
  const { patient, consent, write } = await openPatient()
  await put(place(patient, { actualArm: 'A' }))
  const signed = now()
  await untilAfter(signed)
  await put(place(patient, { ...over, actualArm: 'A' }), place(patient, { id: `${patient}-again` }))
  t.match(await write(consent('active', signed)), refused)
})

t.test('of somebody who is out nothing is asked, and they do not come back as long as it is given', async t => {
  const { patient, consent } = await openPatient()
  const signed = now()
  await put(place(patient, over))
  const given = await importer.write([{ kind: 'create', resource: consent('active', signed) }])
  t.match(answerOf(given), { status: 'created' })
  const again = place(patient, { id: `${patient}-again` })
  t.match(answerOf(await importer.write([{ kind: 'update', id: `${patient}-again`, resource: again }])), {
    status: 422,
  })
})

t.test('a place that was first stored as over was left when its period ended, or else when it was stored', async t => {
  for (const [more, answer] of [
    [{ period: { end: '2022-06-30' } }, { status: 'created' }],
    [{}, refused],
  ] as const) {
    const patient = `cay-${++made}`
    await put(
      w.registered(patient, 'home'),
      place(patient, { ...over, ...more }),
      place(patient, { id: `${patient}-now` }),
    )
    const { id: _, ...given } = w.consent('sleep', patient, 'active', [w.permit(weight)])
    t.match(
      answerOf(await importer.write([{ kind: 'create', resource: { ...given, dateTime: '2023-05-01' } }])),
      answer,
    )
  }
})
