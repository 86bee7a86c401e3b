import type { ConsentProvision } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { wordsOf } from '../../support/browser.ts'
import { studyAnew } from '../../support/study-anew.ts'
import { openSharing, toldOf } from './sharing-world.ts'

/** A page that says what somebody shares says neither less nor more than others can read. */
const world = await openSharing()
const { band, create, enrol, keeping, lab, readOf, send, sign, somebody, study, text, update } = world
t.teardown(world.close)
t.setTimeout(280_000)

const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const days = ['2024-06-15', '2025-01-01', '2025-06-15', '2025-12-31', '2026-01-01', '2026-02-10']

const kind = (code: string) => ({ coding: [{ system: systems.omh, code }] })
const ofBand = [{ meaning: 'instance' as const, reference: { reference: `Device/${band}` } }]
const actor = [{ role: { coding: [{ code: 'IRCP' }] }, reference: { reference: `Organization/${lab.organization}` } }]
const permit = (more: ConsentProvision): ConsentProvision => ({ type: 'permit', actor, ...more })
const both = [kind('omh:heart-rate'), kind('omh:step-count')]

const written: Readonly<Record<string, { readonly provision: ConsentProvision; readonly told: RegExp }>> = {
  'two kinds in one permit': {
    provision: {
      type: 'deny',
      provision: [permit({ code: both, data: ofBand, dataPeriod: { start: '2025-01-01' } })],
    },
    told: /To Hearts &amp; steps Heart rate, from Tidewell band: measured from 1 January 2025 \(UTC\) Step count, from Tidewell band: measured from 1 January 2025 \(UTC\) Read about/,
  },
  'a period of all that is permitted': {
    provision: {
      type: 'deny',
      dataPeriod: { start: '2025-01-01' },
      provision: [permit({ code: [kind('omh:step-count')] })],
    },
    told: /To Hearts &amp; steps Step count, from any device: measured from 1 January 2025 \(UTC\) Read about/,
  },
  'the years of a period': {
    provision: {
      type: 'deny',
      provision: [permit({ code: [kind('omh:step-count')], dataPeriod: { start: '2025', end: '2025' } })],
    },
    told: /Step count, from any device: measured from 1 January 2025 \(UTC\), until 31 December 2025 \(UTC\) Read about/,
  },
  'what is denied within it': {
    provision: {
      type: 'deny',
      provision: [
        permit({ code: [kind('omh:step-count')], dataPeriod: { start: '2024' } }),
        { type: 'deny', dataPeriod: { start: '2025-03', end: '2025-12' } },
      ],
    },
    told: /Step count, from any device: measured from 1 January 2024 \(UTC\), until 28 February 2025 \(UTC\); measured from 1 January 2026 \(UTC\) Read about/,
  },
  'until when it is read': {
    provision: {
      type: 'deny',
      period: { end: '2999-03' },
      provision: [permit({ code: [kind('omh:step-count')], dataPeriod: { start: '2025' } })],
    },
    told: /Step count, from any device: measured from 1 January 2025 \(UTC\), read until 31 March 2999 \(UTC\) Read about/,
  },
}

for (const [what, { provision, told }] of Object.entries(written))
  t.test(`a consent that an app wrote is listed as it counts: ${what}`, async t => {
    const { browser: own, change, measure, patient } = await somebody(`App${Object.keys(written).indexOf(what)}`)
    await sign(own, { [hearts]: 'yes', [steps]: 'no' })
    const readings = await measure(days)
    await change(provision)
    const page = await own.get('/sharing')
    t.match(wordsOf(page), told)
    const read = await readOf(patient.id)
    t.not(read.length, 0)
    t.same(toldOf(page, readings), read)
  })

t.test('the form to choose anew starts with everything that is given, even by an app, in whatever shape', async t => {
  const { browser: own, change } = await somebody('Form')
  await sign(own, { [hearts]: 'yes', [steps]: 'no' })
  await change({
    type: 'deny',
    dataPeriod: { start: '2025', end: '2025' },
    provision: [permit({ code: both.slice(0, 1), data: ofBand }), permit({ code: both.slice(1) })],
  })
  const { body } = await own.get(`/sharing/${study.id}`)
  const chosen = [...body.matchAll(/<input [^>]*name="([^"]*)" value="([^"]*)" checked>/g)].map(([, ...one]) => one)
  t.same(chosen, [
    [hearts, 'yes'],
    [steps, 'yes'],
  ])
  const typed = [...body.matchAll(/name="([^"]*-(?:from|until))" type="text"[^>]*\s+value="([^"]*)"/g)]
  t.same(
    typed.map(([, ...one]) => one),
    [
      [`${hearts}-from`, '1 January 2025'],
      [`${hearts}-until`, '31 December 2025'],
      [`${steps}-from`, '1 January 2025'],
      [`${steps}-until`, '31 December 2025'],
    ],
  )
})

t.test('of a study that somebody has left, nothing is told that holds only for those who are in it', async t => {
  const { browser: own, measure, patient } = await somebody('Lea')
  const page = `/sharing/${keeping.id}`
  await sign(own, { [hearts]: 'yes', [steps]: 'no', [`${hearts}-from`]: '2025-01-01' }, keeping.id)
  await measure(days)
  const told = /Who could see it|What it knows of you|If you stop|gets nothing new, and keeps/
  t.match(wordsOf(await own.get(page)), told)
  const places = (await send('everything', 'GET', `ResearchSubject?patient=${patient.id}&study=${keeping.id}`)).json()
    .entry
  for (const { resource } of places) await update(lab.manager, { ...resource, status: 'off-study' })
  t.same(await readOf(patient.id), [])
  for (const at of [page, '/sharing', '/sharing?stop=all']) t.notMatch(wordsOf(await own.get(at)), told, at)
})

t.test('a practitioner without a name is not called by an empty one', async t => {
  const { browser: own, patient, self } = await somebody('Una')
  const { id } = await create(lab.manager, { resourceType: 'Practitioner' })
  const role = { coding: [{ code: 'IRCP' }] }
  await create(self, {
    resourceType: 'Consent',
    status: 'active',
    scope: { coding: [{ code: 'patient-privacy' }] },
    category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
    patient: { reference: `Patient/${patient.id}` },
    dateTime: new Date().toISOString(),
    policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
    provision: {
      type: 'deny',
      provision: [
        {
          type: 'permit',
          actor: [{ role, reference: { reference: `Practitioner/${id}` } }],
          purpose: [{ code: 'TREAT' }],
          code: [kind('omh:heart-rate')],
        },
      ],
    },
  })
  t.match(wordsOf(await own.get('/sharing')), /To Somebody who has given no name Heart rate, from any device: /)
})

t.test('what a stop does is told by the text that was signed, and of a newer one, what it would do', async t => {
  const { browser: own, measure, patient } = await somebody('Kay')
  const asked = studyAnew((await send('everything', 'GET', `ResearchStudy/${study.id}`)).json())
  const { meta, ...made } = await create(lab.manager, asked)
  await enrol(patient.id, made.id)
  const page = `/sharing/${made.id}`
  await sign(own, { [hearts]: 'yes', [steps]: 'no', [`${hearts}-from`]: '2025-01-01' }, made.id)
  await measure(days)
  const second = text('2')
  const keep = { ...second, extension: [...(second.extension ?? []), { url: 'withdrawal', valueCode: 'keep' }] }
  await update(lab.manager, { ...made, extension: [...made.extension, keep] })
  t.match(
    wordsOf(await own.get(page)),
    /If you stop by the text that you have signed, the study sees nothing of you any more, from that moment on once you sign the new text, the study gets nothing new, and keeps what was measured and sent before Whom to ask/,
  )
  t.notMatch(wordsOf(await own.get('/sharing')), /If you stop all of this/)
  await own.send('/sharing', { all: 'yes' })
  t.same(await readOf(patient.id), [], 'and so it is')
})

t.test('what a study keeps under the signed text is mentioned wherever sharing is described', async t => {
  const { browser: own, measure, patient } = await somebody('Kim')
  const page = `/sharing/${keeping.id}`
  await sign(own, { [hearts]: 'yes', [steps]: 'no', [`${hearts}-from`]: '2025-01-01' }, keeping.id)
  const before = await measure(days)
  t.same(toldOf(await own.get('/sharing'), before), await readOf(patient.id))
  const willKeep = /If you stop all of this, the study gets nothing new, and keeps what was measured and sent before\./
  t.match(wordsOf(await own.get('/sharing')), willKeep, 'it is said before it is stopped')
  t.match(
    wordsOf(await own.get('/sharing?stop=all')),
    /Keepers: the study gets nothing new, and keeps what was measured/,
  )
  t.equal((await own.send('/sharing', { all: 'yes' })).location, '/sharing?done=stopped')
  const readings = [...before, ...(await measure(['2025-06-16']))]
  const kept =
    /Keepers keeps what was measured and sent before [^:]*:\d\d UTC, as the text says that you signed: Heart rate, from Tidewell band: measured from 1 January 2025 \(UTC\)/
  const read = await readOf(patient.id)
  t.equal(read.length, 5)
  const listed = await own.get('/sharing')
  t.match(wordsOf(listed), /You share nothing new with anybody\. What stays where you shared it before/)
  t.notMatch(wordsOf(listed), /You share nothing with anybody|Studies with which you share nothing now/)
  for (const shown of [listed, await own.get(page), await own.get(`${page}/copy`)]) {
    t.match(wordsOf(shown), kept)
    t.same(toldOf(listed, readings), read)
  }
  t.match(wordsOf(await own.get(page)), /You share nothing new with this study now\./)
  t.match(wordsOf(await own.get(`${page}/copy`)), /Ended .* What you shared Heart rate/)
  const day = { [`${hearts}-from`]: '2024-06-15', [`${hearts}-until`]: '2024-06-15' }
  const { preview } = await sign(own, { [hearts]: 'yes', [steps]: 'no', ...day }, keeping.id)
  const anew = await readOf(patient.id)
  t.equal(anew.length, 6)
  t.match(wordsOf(preview), /So far there is 1 reading of it that they could see\./, 'what is kept is not of that day')
  for (const shown of [preview, await own.get('/sharing'), await own.get(page)]) t.match(wordsOf(shown), kept)
  t.same(toldOf(await own.get('/sharing'), readings), anew)
  await own.send(page, {}, page)
  t.match(wordsOf(await own.get(page)), /You share data with this study now\./)
})

t.test('somebody who refuses a study that keeps something is told so', async t => {
  const { browser: own, measure } = await somebody('Lou')
  const page = `/sharing/${keeping.id}`
  await sign(own, { [hearts]: 'yes', [steps]: 'no', [`${hearts}-from`]: '2025-01-01' }, keeping.id)
  await measure(['2025-06-15'])
  const decline = async () => {
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await own.get(page)).body)?.[1] ?? ''
    return own.post(`${page}/decline`, { _csrf })
  }
  await decline()
  await decline()
  t.match(
    wordsOf(await own.get(page)),
    /You share nothing new with this study now\. Keepers keeps what was measured and sent before/,
  )
})

t.test('after a place has ended nothing is read, and the page says so; what was signed can still be ended', async t => {
  const { browser: own, consentsOf, measure, patient, subject } = { ...world, ...(await somebody('Mia')) }
  await sign(own, { [hearts]: 'yes', [steps]: 'no', [`${hearts}-from`]: '2025-01-01' })
  const readings = await measure(days)
  const stored = (await world.send('everything', 'GET', `ResearchSubject/${subject}`)).json()
  await update(lab.manager, { ...stored, status: 'off-study' })
  const listed = await own.get('/sharing')
  t.match(
    wordsOf(listed),
    /To Hearts &amp; steps Your place in this study has ended\. It sees nothing of you, [^.]*\. What you signed\. Nobody reads anything by it now Read about this study, and what you signed/,
  )
  t.same([toldOf(listed, readings), await readOf(patient.id)], [[], []])
  const tick = /name="stop" value="([^"]*)"/.exec(listed.body)?.[1] ?? ''
  t.equal((await own.send('/sharing', { stop: tick })).location, '/sharing?done=stopped')
  t.match(await consentsOf(patient.id), [{ status: 'inactive' }])
  t.match(
    wordsOf(await own.get('/sharing')),
    /You share nothing with anybody\. Studies with which you share nothing now Hearts &amp; steps Your place in this study has ended/,
  )
})
