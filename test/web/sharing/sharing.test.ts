import type { Extension, Observation, ResearchStudy } from '@medplum/fhirtypes'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { givenToStudy } from '../../../src/access/consent-study.ts'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { addDays, dayOf } from '../../../src/fhir/timezone.ts'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { edgeShown } from '../../../src/web/sharing/period-days.ts'
import { wordsOf } from '../../support/browser.ts'
import { consent } from '../../support/study.ts'
import { studyAnew } from '../../support/study-anew.ts'
import { openInvited, password } from '../invited.ts'

const world = await openInvited()
const { arrived, band, browser, create, lab, patientToken, send, staff, study, text, update } = world
t.teardown(world.close)
t.setTimeout(280_000)

const page = `/sharing/${study.id}`
const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const both = { [hearts]: 'yes', [steps]: 'no', [`${hearts}-from`]: '2026-01-01' }
const consentsOf = async (patient: string) =>
  ((await send('everything', 'GET', `Consent?patient=Patient/${patient}`)).json().entry ?? []).map(
    ({ resource }: { resource: object }) => resource,
  )
/** The hidden fields of the form of the study, opened in a time zone. */
const formIn = async (own: ReturnType<typeof browser>, timezone: string) => {
  const { body } = await own.get(`${page}?timezone=${timezone}`)
  const form = /<form method="post" action="[^"]*" id="choices"[^>]*>([\s\S]*?)<\/form>/.exec(body)?.[1] ?? ''
  const texts = [
    ...form.matchAll(/<input (?:class="[^"]*" id="[^"]*"|type="hidden") name="([^"]*)"[^>]*\svalue="([^"]*)"/g),
  ]
  const chosen = [...form.matchAll(/<input [^>]*type="radio"[^>]* name="([^"]*)" value="([^"]*)" checked>/g)]
  return Object.fromEntries([...texts, ...chosen].map(([, name = '', value = '']) => [name, value]))
}
/** A band of the patient's own, and readings. */
const measuring = async (patient: string) => {
  const self = await patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  const subject = { reference: `Patient/${patient}` }
  const { id: own } = await create(self, {
    resourceType: 'Device',
    patient: subject,
    parent: { reference: `Device/${band}` },
  })
  const measure = async (code: string, time: object) => {
    const measured = {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code }] },
    }
    const made = { ...measured, subject, device: { reference: `Device/${own}` }, valueQuantity: { value: 60 }, ...time }
    // Also of a kind that no consent names yet.
    return (await create('everything', made as Observation)).id
  }
  return {
    heart: (effectiveDateTime: string) => measure('8867-4', { effectiveDateTime }),
    steps: (start: string, end: string) => measure('55423-8', { effectivePeriod: { start, end } }),
  }
}
/** What the people of the study read of the patient. */
const seen = async (patient: string): Promise<readonly string[]> =>
  (await world.pages(lab.manager, `Observation?patient=Patient/${patient}`)).map(({ resource }) => resource.id ?? '')
/** Up to what is shown before signing, with the hidden fields of its form. */
const preview = async (own: ReturnType<typeof browser>, fields: Readonly<Record<string, string>>, at = page) => {
  const shown = await own.send(at, fields, at)
  const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(shown.body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  return { preview: shown, hidden: Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value])) }
}
const sign = async (own: ReturnType<typeof browser>, fields: Readonly<Record<string, string>>, name = 'Ana C.') => {
  const shown = await preview(own, fields)
  return { ...shown, answer: await own.post(`${page}/sign`, { ...shown.hidden, name }) }
}

t.test('each of two days that are none is named, and led to', async t => {
  const { browser: own } = await arrived('Abe')
  const days = { [`${hearts}-from`]: '1.2.2026', [`${hearts}-until`]: 'x' }
  const both = await own.send(page, { [hearts]: 'yes', [steps]: 'no', ...days }, page)
  t.match(
    wordsOf(both),
    /Measured from: Enter a day that exists, [^:]* Tidewell band Measured until: Enter a day that exists, [^:]* Tidewell band Write a day/,
  )
  t.match(both.body, new RegExp(`href="#${hearts}-from".*href="#${hearts}-until"`, 's'))
})

t.test('a day counts however it is written, if it can be one day only, and is shown before it is signed', async t => {
  const { browser: own } = await arrived('Abel')
  for (const [written, day] of [
    ['31.1.2026', '31 January 2026'],
    ['1/31/2026', '31 January 2026'],
    ['1.1.2026', '1 January 2026'],
    ['2026/1/31', '31 January 2026'],
  ] as const) {
    const fields = { [hearts]: 'yes', [steps]: 'no', [`${hearts}-from`]: written, timezone: 'UTC' }
    const { preview: shown } = await preview(own, fields)
    t.match(wordsOf(shown), new RegExp(`Heart rate, from Tidewell band: measured from ${day}`), written)
  }
})

t.test('a patient reads what the study is, chooses line by line, sees who could see what, and signs', async t => {
  const { browser: own, patient } = await arrived('Ana')
  const shown = await own.get(page)
  t.match(
    wordsOf(shown),
    /The main points Who runs it lab What it is for How hearts and steps go together .* What it asks for Heart rate, from Tidewell band Step count, from any device .* What you sign KEY FACTS We ask, version 1\./,
  )
  t.notMatch(shown.body, / checked/, 'nothing is chosen beforehand')
  const nowhere = { [hearts]: 'yes', [`${hearts}-from`]: '1.2.2026', [steps]: 'yes', [`${steps}-until`]: '2090-01-01' }
  const wrong = wordsOf(await own.send(page, { ...nowhere, timezone: 'Nowhere/Else' }, page))
  t.match(
    wrong,
    /Enter a day that exists, with its month as a word, such as 31 January 2026, for Heart rate, from Tidewell band Enter the time zone/,
  )
  const missing = await own.send(page, { [hearts]: 'yes', [`${hearts}-from`]: '2027-02-29' }, page)
  t.match(
    [missing.status, wordsOf(missing)],
    [
      422,
      /Enter a day that exists, with its month as a word, such as 31 January 2026, for Heart rate, from Tidewell band Say whether you share Step count/,
    ],
  )
  t.match(missing.body, `<li><a href="#${hearts}-from">Enter a day`, 'it leads to the day')
  t.match(
    missing.body,
    `id="${hearts}-from-problem">Enter a day that exists, with its month as a word`,
    'where the problem is described',
  )
  t.notMatch(missing.body, `id="${hearts}-until-problem"`)
  t.match(missing.body, `<li><a href="#${steps}-yes">Say whether`)
  t.match(
    missing.body,
    /<div [^>]*role="alert"[^>]* autofocus>/,
    'and it is what the page opens with, far down as it stands',
  )
  const nothing = await own.send(page, { [hearts]: 'no', [steps]: 'no' }, page)
  t.match([nothing.status, wordsOf(nothing)], [422, /You have chosen to share nothing/])
  await create(await patientToken(patient.id, 'patient/*.cruds patient/Consent.cruds'), {
    resourceType: 'Device',
    patient: { reference: `Patient/${patient.id}` },
    parent: { reference: `Device/${band}` },
  })
  t.match(
    wordsOf((await preview(own, both)).preview),
    /these people could see these readings: These people Everybody who works at lab, or in a part of it Rita Research No service of lab reads by itself, without a person, at the moment\. People may look with an app\. It sees no more than whoever uses it\. These readings Heart rate, from Tidewell band: measured from 1 January 2026 \(UTC\)\. So far there are 0 readings of it that they could see\. What it knows of you Once you sign, the study knows your name, your birth date and how to reach you\. What you sign/,
  )
  for (const [name, told] of [
    [' ', /Type your name to sign/],
    ['\u202e\u200b', /Type your name to sign/],
    ['\u3164\u2800', /Type your name to sign/],
    ['x'.repeat(201), /at most 200 characters/],
  ] as const) {
    const { answer: refused } = await sign(own, both, name)
    t.match([refused.status, wordsOf(refused)], [422, told], 'nobody signs with an invisible name')
  }
  t.same(await consentsOf(patient.id), [])
  const { answer } = await sign(own, both)
  t.match(answer, { status: 303, location: `${page}?done=signed` })
  const [consent] = await consentsOf(patient.id)
  t.match(consent, {
    status: /^active$/,
    sourceAttachment: { hash: /=$/, language: 'en' },
    provision: {
      type: 'deny',
      provision: [
        {
          type: 'permit',
          code: [{ coding: [{ system: systems.omh, code: 'omh:heart-rate' }] }],
          data: [{ meaning: 'instance', reference: { reference: `Device/${band}` } }],
          dataPeriod: { start: '2026-01-01T00:00:00.000Z' },
        },
      ],
    },
  })
  const { entry } = (await send('everything', 'GET', `Provenance?target=Consent/${consent.id}`)).json()
  t.match(entry[0].resource, {
    activity: { coding: [{ code: 'signed' }] },
    agent: [{ who: { reference: `Patient/${patient.id}` } }],
    signature: [{ type: [{ display: 'Consent Signature' }], who: { display: 'Ana C.' } }],
    entity: [{ what: { identifier: { value: consent.sourceAttachment.hash } } }],
  })
  t.match(wordsOf(await staff.get(`/studies/${study.id}`)), /Ana Shares part of what the study asks for/)
  t.match(
    wordsOf(await own.get(`${page}?done=signed`)),
    /It is signed\..*Your copy, to print or keep Your readings come from the app of your device, once it is connected\. Connect/,
  )
  const copy = await own.get(`${page}/copy`)
  t.match(wordsOf(copy), /Your consent .* Name typed Ana C\. Version of the text 1 .* Heart rate.*We ask, version 1\./)
  t.match((await own.get(`${page}/copy?file`)).headers, {
    'content-disposition': 'attachment; filename="consent.html"',
  })
  const spanish = browser('es')
  spanish.cookies.set('sharewell-session', own.cookies.get('sharewell-session') ?? '')
  t.match((await spanish.get(`${page}/copy?file`)).headers, {
    'content-disposition': 'attachment; filename="consentimiento.html"',
  })
})

t.test('signing opens data, and stopping closes it, from the next request of the study’s staff on', async t => {
  const { browser: own, patient } = await arrived('Bea')
  const self = await patientToken(patient.id, 'patient/*.cruds patient/Consent.cruds')
  await sign(own, { [hearts]: 'no', [steps]: 'yes', [`${steps}-from`]: '2026-01-01' })
  await create(self, {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.loinc, code: '55423-8' }] },
    subject: { reference: `Patient/${patient.id}` },
    effectiveDateTime: '2026-02-01T12:00:00Z',
    valueQuantity: { value: 900, unit: 'steps', system: systems.ucum, code: '{steps}' },
  })
  const sees = async () =>
    (await send(lab.manager, 'GET', `Observation?patient=Patient/${patient.id}`)).json().entry?.length ?? 0
  t.equal(await sees(), 1)
  const listed = await own.get('/sharing')
  t.match(
    wordsOf(listed),
    /What you share .* To Hearts &amp; steps Step count, from any device: measured from 1 January 2026 \(UTC\)/,
  )
  t.equal((await own.send('/sharing', {})).location, '/sharing?done=none')
  const tick = /name="stop" value="([^"]*)"/.exec(listed.body)?.[1] ?? ''
  t.match(await own.send('/sharing', { stop: tick }), { status: 303, location: '/sharing?done=stopped' })
  t.equal(await sees(), 0)
  t.match(await consentsOf(patient.id), [{ status: 'inactive' }])
  const over = await own.get('/sharing')
  t.match(wordsOf(over), /You share nothing with anybody\. Studies with which you share nothing now Hearts &amp; steps/)
  t.match(over.body, `href="${page}"`, 'they can still say yes')
})

t.test('a part is stopped, and the rest continues; everything is stopped at once', async t => {
  const { browser: own, patient } = await arrived('Cleo')
  await sign(own, { [hearts]: 'yes', [steps]: 'yes' })
  const [tick = ''] = [...(await own.get('/sharing')).body.matchAll(/name="stop" value="([^"]*)"/g)].map(
    ([, one]) => one ?? '',
  )
  await own.send('/sharing', { stop: tick })
  t.match(await consentsOf(patient.id), [{ status: /^active$/, provision: { provision: [{ type: 'permit' }] } }])
  t.equal((await consentsOf(patient.id))[0].provision.provision.length, 1)
  t.equal((await own.send('/sharing', { stop: tick })).location, '/sharing?done=stopped', 'what has ended stays ended')
  t.match((await own.get('/sharing')).body, 'href="/sharing?stop=all">Stop sharing everything with everybody')
  const asked = await own.get('/sharing?stop=all')
  t.match(
    wordsOf(asked),
    /Stop sharing everything with everybody\? .* You share data now with: .* Yes, stop everything No, go back/,
  )
  t.match(await consentsOf(patient.id), [{ status: /^active$/ }], 'the question stops nothing')
  await own.send('/sharing?stop=all', { all: 'yes' }, '/sharing')
  t.match(await consentsOf(patient.id), [{ status: 'inactive' }])
  t.has(await own.get('/sharing?stop=all'), { status: 303, location: '/sharing' }, 'nothing is left to stop')
})

t.test('refusing takes one press, and can be taken back', async t => {
  const { browser: own, patient } = await arrived('Dina')
  const waiting = `<a href="${page}">A study is waiting for your answer</a>`
  t.match((await own.get('/account')).body, waiting, 'signing in leads to it')
  t.match(await own.send(page, {}, `${page}/decline`).catch(() => own.get(page)), { status: 200 })
  const { body } = await own.get(page)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  t.match(
    body,
    /<button class="btn btn-primary">See what that means<\/button>\s*<button formaction="[^"]*\/decline" class="btn btn-primary">No, I do not take part<\/button>/,
  )
  t.match(await own.post(`${page}/decline`, { _csrf }), { status: 303, location: `${page}?done=declined` })
  t.match(await consentsOf(patient.id), [{ status: 'rejected' }])
  t.notMatch((await own.get('/account')).body, waiting)
  t.match(wordsOf(await staff.get(`/studies/${study.id}`)), /Dina Has declined/)
  t.match((await sign(own, both)).answer, { status: 303 })
  const sharing = await own.get(page)
  t.match(sharing.body, /\/decline" class="btn btn-primary">Stop sharing with this study<\/button>/)
  t.notMatch(sharing.body, /No, I do not take part/, 'somebody who takes part cannot say that')
  const none = await own.send('/sharing', {})
  t.match((await own.get(none.location ?? '')).body, /<title>Problem: .*Nothing was ticked/s)
  t.same((await consentsOf(patient.id)).map(({ status }: { status: string }) => status).toSorted(), [
    'active',
    'rejected',
  ])
})

t.test('somebody who stopped sharing, and then refuses, has one Consent that says so', async t => {
  const { browser: own, patient } = await arrived('Odile')
  await sign(own, both)
  const { body } = await own.get(page)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  for (let times = 0; times < 2; times += 1)
    t.match(await own.post(`${page}/decline`, { _csrf }), { status: 303, location: `${page}?done=declined` })
  t.match(await consentsOf(patient.id), [{ status: 'inactive' }], 'no other Consent says that they never took part')
  t.equal((await consentsOf(patient.id)).length, 1)
  t.match(wordsOf(await staff.get(`/studies/${study.id}`)), /Odile Has withdrawn/)
})

t.test('what staff proposed becomes what the patient signs, and nothing else', async t => {
  const { browser: own, patient } = await arrived('Eva')
  const proposed = {
    resourceType: 'Consent' as const,
    status: 'proposed' as const,
    extension: [
      {
        url: 'http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext',
        valueReference: { reference: `ResearchStudy/${study.id}` },
      },
    ],
    scope: { coding: [{ code: 'research' }] },
    category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
    patient: { reference: `Patient/${patient.id}` },
    policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
    provision: { type: 'deny' as const },
  }
  const { id } = await create(lab.manager, proposed)
  await sign(own, both)
  t.match(await consentsOf(patient.id), [{ id, status: /^active$/ }])
})

t.test(
  'whoever deletes what they gave, or what they were asked, has ended it or said no, and is not asked anew',
  async t => {
    const waiting = `<a href="${page}">A study is waiting for your answer</a>`
    const over = /Studies with which you share nothing now Hearts &amp; steps/
    const deletes = async (patient: string) => {
      const [{ id }] = await consentsOf(patient)
      const self = await patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
      const headers = { authorization: `Bearer ${self}` }
      t.match(await world.server.inject({ method: 'DELETE', url: `/fhir/Consent/${id}`, headers }), { statusCode: 204 })
    }
    const gave = await arrived('Edda')
    const { hidden } = await preview(gave.browser, both)
    await sign(gave.browser, both)
    await deletes(gave.patient.id)
    t.notMatch((await gave.browser.get('/account')).body, waiting)
    const shown = wordsOf(await gave.browser.get('/sharing'))
    t.match(shown, over)
    t.notMatch(shown, /waiting for your answer/)
    t.match(wordsOf(await gave.browser.get(page)), /You share nothing with this study now\. .* What you sign/)
    const late = await gave.browser.post(`${page}/sign`, { ...hidden, name: 'Edda' })
    t.match([late.status, wordsOf(late)], [409, /Your answer has changed since you opened this page/], 'an older form')
    t.match(await gave.browser.post(`${page}/decline`, hidden), { status: 303 })
    t.same(await consentsOf(gave.patient.id), [], 'there is nothing to refuse any more')
    t.match((await sign(gave.browser, both)).answer, { status: 303 })
    t.match(
      wordsOf(await staff.get(`/studies/${study.id}`)),
      /Edda Shares everything|Edda Shares part/,
      'they came back',
    )

    const asked = await arrived('Egon')
    const { sourceAttachment: _, ...asking } = consent(asked.patient.id, study.id, lab.organization, [])
    await create(lab.manager, { ...asking, status: 'proposed', provision: givenToStudy(study.id, { type: 'deny' }) })
    t.match((await asked.browser.get('/account')).body, waiting)
    await deletes(asked.patient.id)
    t.notMatch((await asked.browser.get('/account')).body, waiting)
    t.match(wordsOf(await asked.browser.get('/sharing')), over)
    t.match(wordsOf(await asked.browser.get(page)), /You have said no\. Nothing is shared\. You can say yes later/)
  },
)

t.test('what an app has entered in error, or only drafted, is no answer', async t => {
  const waiting = `<a href="${page}">A study is waiting for your answer</a>`
  const write = async (patient: string, status: 'draft' | 'entered-in-error', id?: string) => {
    const [before] = await consentsOf(patient)
    const self = await patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
    const headers = { authorization: `Bearer ${self}`, 'content-type': 'application/fhir+json' }
    const how =
      id === undefined ? { method: 'POST', url: '/fhir/Consent' } : { method: 'PUT', url: `/fhir/Consent/${id}` }
    const { statusCode } = await world.server.inject({
      ...how,
      headers,
      payload: { ...before, id, status },
    } as InjectOptions)
    t.equal(statusCode, id === undefined ? 201 : 200)
  }
  const staffSee = async () => wordsOf(await staff.get(`/studies/${study.id}`))

  const gave = await arrived('Frida')
  await sign(gave.browser, both)
  const [{ id }] = await consentsOf(gave.patient.id)
  await write(gave.patient.id, 'entered-in-error', id)
  t.match((await gave.browser.get('/account')).body, waiting)
  t.match(wordsOf(await gave.browser.get('/sharing')), /waiting for your answer Hearts &amp; steps/)
  t.match(await staffSee(), /Frida Has not answered yet\./)

  const refused = await arrived('Falk')
  const { hidden } = await preview(refused.browser, both)
  await refused.browser.post(`${page}/decline`, hidden)
  await write(refused.patient.id, 'draft')
  t.notMatch((await refused.browser.get('/account')).body, waiting)
  t.match(wordsOf(await refused.browser.get('/sharing')), /Studies with which you share nothing now Hearts &amp; steps/)
  t.match(wordsOf(await refused.browser.get(page)), /You have said no/)
  t.match(await staffSee(), /Falk Has declined\./)
})

t.test('in Spanish everything is Spanish, including what is signed', async t => {
  const { browser: own, patient } = await arrived('Fina')
  const spanish = await world.browserOf(
    (await send('everything', 'GET', `Person?link=Patient/${patient.id}`)).json().entry[0].resource.id,
    'es-MX,es;q=0.9,en;q=0.8',
  )
  const shown = await spanish.get(page)
  t.match(shown.body, /<html lang="es">/)
  t.match(
    wordsOf(shown),
    /Frecuencia cardíaca, de Tidewell band .* Lo que firma LO MÁS IMPORTANTE Le pedimos, version 1\./,
  )
  t.match(wordsOf(await own.get(page)), /We ask, version 1\./)
  await sign(spanish, both)
  t.match(await consentsOf(patient.id), [{ sourceAttachment: { language: 'es' } }])
  t.match(wordsOf(await own.get(`${page}/copy`)), /Le pedimos, version 1\./, 'the copy has the text that was signed')
})

t.test(
  'if the browser asks for another language meanwhile, the page says that, and not that the study has changed',
  async t => {
    const { browser: own, patient } = await arrived('Lingua')
    const spanish = browser('es')
    spanish.cookies.set('sharewell-session', own.cookies.get('sharewell-session') ?? '')
    const { hidden } = await preview(own, both)
    for (const [at, name] of [
      [page, ''],
      [`${page}/sign`, 'Lingua'],
    ] as const) {
      const { _csrf = '' } = await formIn(spanish, 'UTC')
      const answer = await spanish.post(at, { ...hidden, name, _csrf })
      t.match([answer.status, wordsOf(answer)], [409, /Esta página estaba en otro idioma cuando la abrió/], at)
      t.notMatch(wordsOf(answer), /ha cambiado desde que abrió/)
      t.match(answer.body, `name="${hearts}" value="yes" checked`, 'what was chosen is kept')
    }
    t.same(await consentsOf(patient.id), [])
    t.match((await sign(spanish, both, 'Lingua')).answer, { status: 303 })
  },
)

t.test('a reason that is written from right to left keeps its own direction beside the kind', async t => {
  const { browser: own } = await arrived('Rami')
  const { meta, ...stored } = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const reason = 'لنعرف متى يتعب القلب.'
  const asked = stored.extension.map((entry: Extension) =>
    entry.url === extensions.requestedData
      ? { ...entry, extension: [...(entry.extension ?? []), { url: 'reason', valueString: reason }] }
      : entry,
  )
  await update(lab.manager, { ...stored, extension: asked })
  t.match((await own.get(page)).body, `>Heart rate, from Tidewell band. <bdi>${reason}</bdi></dd>`)
  await sign(own, both, 'Rami')
  t.match((await own.get(`${page}/copy`)).body, `. <bdi>${reason}</bdi></li>`)
  await update(lab.manager, stored)
})

t.test('nobody sees or signs for another, and a form of another site signs nothing', async t => {
  const { patient } = await arrived('Gina')
  const { browser: other } = await world.arrived('Hugo').then(async one => one)
  const stranger = await world.browserOf(
    (await create('everything', { resourceType: 'Person', name: [{ text: 'Nobody' }] })).id,
  )
  for (const url of [page, `${page}/copy`, '/sharing/nothing-of-the-kind'])
    t.equal((await stranger.get(url)).status, 404, url)
  t.notMatch((await other.get('/sharing')).body, /Gina/)
  t.equal((await stranger.post(`${page}/sign`, { ...both, name: 'Gina' })).status, 403)
  t.equal((await staff.get(page)).status, 404, 'staff are not asked for anything')
  t.same(await consentsOf(patient.id), [])
})

t.test('what is added to a request later does not count as chosen', async t => {
  const { browser: own, patient } = await arrived('Jana')
  const { hidden } = await sign(own, both)
  await own.send('/sharing', { all: 'yes' })
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const isAsked = ({ url }: { url: string }) => url.endsWith('requested-data')
  const asked = stored.extension.filter(isAsked)
  const rest = stored.extension.filter((one: { url: string }) => !isAsked(one))
  await update(lab.manager, { ...stored, extension: [...rest, asked[1]] })
  const answer = await own.post(`${page}/sign`, { ...hidden, name: 'Jana', [steps]: '' })
  t.match([answer.status, wordsOf(answer)], [422, /Say whether you share Step count/])
  t.match(await consentsOf(patient.id), [{ status: 'inactive' }])
  await update(lab.manager, stored)
})

t.test('a typed name is kept while a patient reads what the study says now', async t => {
  const { browser: own, patient } = await arrived('Lola')
  const { hidden } = await preview(own, both)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  await update(lab.manager, { ...stored, description: 'How hearts go' })
  const name = 'Lola "la" <Ruiz>'
  const told = await own.post(`${page}/sign`, { ...hidden, name })
  t.match([told.status, wordsOf(told)], [409, /What the study says of itself has changed .* How hearts go/])
  const form = /<form method="post" action="[^"]*" id="choices"[^>]*>([\s\S]*?)<\/form>/.exec(told.body)?.[1] ?? ''
  const kept = 'Lola &quot;la&quot; &lt;Ruiz&gt;'
  t.match(form, `<input type="hidden" name="name" value="${kept}">`)
  const shown = /name="shown" value="([^"]*)"/.exec(form)?.[1] ?? ''
  const again = await own.post(page, { ...hidden, shown, name })
  t.match([again.status, again.body], [200, `id="name" name="name" type="text" autocomplete="name"`])
  t.match(again.body, ` value="${kept}"`)
  t.same(await consentsOf(patient.id), [])
  await update(lab.manager, stored)
})

t.test('if the readers, or what stays after a withdrawal, have changed, that is shown before signing', async t => {
  const asked = studyAnew((await send('everything', 'GET', `ResearchStudy/${study.id}`)).json())
  const [others, version] = [asked.extension.filter(({ url }: Extension) => url !== extensions.patientText), text('1')]
  const keeping = { ...version, extension: [...(version.extension ?? []), { url: 'withdrawal', valueCode: 'keep' }] }
  const { id: practitioner } = await create('everything', {
    resourceType: 'Practitioner',
    name: [{ text: 'Olga Outside' }],
  })
  const outsider = {
    url: extensions.staff,
    extension: [{ url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } }],
  }
  const { browser: own, patient } = await arrived('Runa')
  for (const [changed, told] of [
    [[...asked.extension, outsider], 'Olga Outside'],
    [[...others, keeping], 'keeps'],
  ] as const) {
    const { meta, ...one } = await create<ResearchStudy>(lab.manager, asked)
    await world.enrol(patient.id, one.id)
    const at = `/sharing/${one.id}`
    const { hidden, preview: before } = await preview(own, both, at)
    t.notMatch(wordsOf(before), told)
    await update(lab.manager, { ...one, extension: [...changed] })
    const answer = await own.post(`${at}/sign`, { ...hidden, name: 'Runa' })
    t.match([answer.status, wordsOf(answer)], [409, /What the study says of itself has changed/], told)
    t.same(await consentsOf(patient.id), [])
    const page = told === 'keeps' ? await own.get(at) : (await preview(own, both, at)).preview
    t.match(wordsOf(page), told)
  }
})

t.test('if the organization has another name, that is shown before signing', async t => {
  const { browser: own, patient } = await arrived('Nele')
  const { hidden, preview: before } = await preview(own, both)
  const at = study.sponsor?.reference ?? ''
  const organization = (await send('everything', 'GET', at)).json()
  t.match(wordsOf(before), `Everybody who works at ${organization.name}`)
  await update('everything', { ...organization, name: 'Harbour Laboratory' })
  const told = await own.post(`${page}/sign`, { ...hidden, name: 'Nele' })
  t.match([told.status, wordsOf(told)], [409, /What the study says of itself has changed .* Harbour Laboratory/])
  t.same(await consentsOf(patient.id), [])
  await update('everything', organization)
})

t.test('an organization with a name that cannot be seen is not shown as a gap', async t => {
  const { browser: own } = await arrived('Ina')
  const at = study.sponsor?.reference ?? ''
  const organization = (await send('everything', 'GET', at)).json()
  await update('everything', { ...organization, name: '\u2800\u3164' })
  t.match(wordsOf(await own.get(page)), 'Who runs it not known What it is for')
  await update('everything', organization)
})

t.test('if a device has another name, that is shown before signing', async t => {
  const { browser: own, patient } = await arrived('Nils')
  const { hidden } = await preview(own, both)
  const device = (await send('everything', 'GET', `Device/${band}`)).json()
  await update('everything', { ...device, deviceName: [{ name: 'Renamed Band', type: 'user-friendly-name' }] })
  const told = await own.post(`${page}/sign`, { ...hidden, name: 'Nils' })
  t.match([told.status, wordsOf(told)], [409, /What the study says of itself has changed .* Renamed Band/])
  t.same(await consentsOf(patient.id), [])
  await update('everything', device)
})

t.test('what one patient filled in cannot be signed, declined or stopped by somebody who signed in since', async t => {
  const pia = await arrived('Pia')
  const pablo = await arrived('Pablo')
  const own = pia.browser
  const { hidden } = await preview(own, both)
  const signedIn = (email: string) => own.send('/sign-in?prompt=login', { email, password }, '/sign-in')
  await own.send('/account', {}, '/sign-out')
  await signedIn(pablo.email)
  for (const [path, fields] of [
    [`${page}/sign`, { ...hidden, name: 'Pia Tester' }],
    [`${page}/decline`, hidden],
    [page, hidden],
  ] as const) {
    const answer = await own.post(path, fields)
    t.match(
      [answer.status, wordsOf(answer)],
      [409, /Somebody else has signed in .* nothing was saved, changed or signed/],
    )
    t.match(answer.body, `href="/sign-in?continue=${encodeURIComponent(page)}&amp;prompt=login"`)
  }
  t.same([await consentsOf(pia.patient.id), await consentsOf(pablo.patient.id)], [[], []])
  const signed = await sign(own, { [hearts]: 'no', [steps]: 'yes' }, 'Pablo')
  t.match(signed.answer, { status: 303, location: `${page}?done=signed` }, 'a form of their own is theirs')
  t.equal((await own.post('/sharing', { ...hidden, all: 'yes' })).status, 409)
  t.match(await consentsOf(pablo.patient.id), [{ status: /^active$/ }])
  await signedIn(pia.email)
  t.match(await own.post(`${page}/sign`, { ...hidden, name: 'Pia Tester' }), { status: 303 }, 'in a new session')
  t.match(await consentsOf(pia.patient.id), [{ status: /^active$/ }])
})

t.test(
  'signing or refusing after the session has ended says that it was not done, and comes back after signing in',
  async t => {
    const { browser: own, patient, email } = await arrived('Quim')
    const { hidden } = await preview(own, both)
    await own.send('/account', {}, '/sign-out')
    for (const action of ['sign', 'decline']) {
      const { status, location = '' } = await own.post(`${page}/${action}`, { ...hidden, name: 'Quim' })
      const isKept = action === 'sign' ? '=kept' : ''
      t.same([status, location], [303, `/sign-in?continue=${encodeURIComponent(page)}&unsaved${isKept}`])
      t.match(wordsOf(await own.get(location)), /nothing that you sent was saved or done/)
    }
    t.same(await consentsOf(patient.id), [])
    const back = await own.send(
      `/sign-in?continue=${encodeURIComponent(page)}&unsaved`,
      { email, password },
      '/sign-in',
    )
    t.has(back, { status: 303, location: page })
    t.equal((await own.get(page)).status, 200)
  },
)

t.test('nothing can be signed while the study is not running, but sharing can be stopped', async t => {
  const { browser: signed, patient } = await arrived('Raul')
  const { browser: asked, patient: other } = await arrived('Saul')
  await sign(signed, both)
  const { hidden } = await preview(asked, both)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  for (const [change, why, days] of [
    [{ status: 'completed' }, 'This study is over', 'no end is set'],
    [{ status: 'in-review' }, 'This study is not running', 'no end is set'],
    [
      { period: { end: '2026-01-01' } },
      'This study is over: its last day was 1 January 2026 (UTC)',
      'until 1 January 2026 (UTC)',
    ],
    [
      { period: { start: '2999-01-01', end: '2999-01' } },
      'This study has not begun: its first day is 1 January 2999 (UTC)',
      'from 1 January 2999 (UTC) until 31 January 2999 (UTC)',
    ],
  ] as const) {
    const literally = (text: string) => text.replace(/[()]/g, '\\$&')
    const [whyText, daysText] = [literally(why), literally(days)]
    await update(lab.manager, { ...stored, ...change })
    const shown = await asked.get(page)
    t.match(
      wordsOf(shown),
      new RegExp(`${whyText}.* there is nothing to sign.*How long it goes on ${daysText} What it asks`),
    )
    t.notMatch(shown.body, / name="omh:|>See what that means</)
    t.notMatch(wordsOf(await asked.get('/sharing')), /Studies waiting for your answer/)
    for (const path of [page, `${page}/sign`]) {
      const answer = await asked.post(path, { ...hidden, name: 'Saul' })
      t.match([answer.status, wordsOf(answer)], [409, new RegExp(whyText)], path)
      t.notMatch(wordsOf(answer), /could see these readings/)
    }
    const agreed = wordsOf(await signed.get(`${page}?done=signed`))
    t.match(agreed, new RegExp(`${whyText}.* You have agreed to share data with this study\\. .*Your copy`))
    t.match(wordsOf(await signed.get('/sharing')), new RegExp(`To Hearts &amp; steps ${whyText}`))
    t.notMatch(agreed, /It is signed|You share data with this study now|asks you to share/)
  }
  t.same(await consentsOf(other.id), [])
  t.match(await signed.send(page, {}, `${page}/decline`), { status: 303, location: `${page}?done=declined` })
  t.match(await consentsOf(patient.id), [{ status: 'inactive' }])
  await update(lab.manager, stored)
  t.match((await sign(asked, both, 'Saul')).answer, { status: 303 })
})

t.test('if the study takes nobody new, those who share continue and can change it, and nobody else signs', async t => {
  const { browser: signed, patient } = await arrived('Tom')
  const { browser: asked, patient: other } = await arrived('Uwe')
  await sign(signed, both)
  const { hidden } = await preview(asked, both)
  const { browser: declined } = await arrived('Vera')
  await declined.send(page, {}, page).then(({ body }) => {
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    return declined.post(`${page}/decline`, { _csrf })
  })
  t.match(wordsOf(await declined.get(page)), /You have said no\. Nothing is shared\. You can say yes later/)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  for (const status of ['temporarily-closed-to-accrual', 'closed-to-accrual'] as const) {
    await update(lab.manager, { ...stored, status })
    const shown = await asked.get(page)
    t.match(wordsOf(shown), /Nobody new comes into this study now, so there is nothing to sign/)
    t.notMatch(shown.body, / name="omh:|>See what that means<|asks you to share/)
    const refused = wordsOf(await declined.get(page))
    t.match(refused, /You have said no\. Nothing is shared\./)
    t.notMatch(refused, /You can say yes later/, 'what they cannot do now')
    t.notMatch(wordsOf(await asked.get('/sharing')), /Studies waiting for your answer/)
    for (const path of [page, `${page}/sign`])
      t.match(await asked.post(path, { ...hidden, name: 'Uwe' }), { status: 409, body: /Nobody new comes/ }, path)
    t.match(wordsOf(await signed.get(page)), /You share data with this study now/)
    t.match((await sign(signed, both)).answer, { status: 303 })
  }
  t.same(await consentsOf(other.id), [])
  t.match(await consentsOf(patient.id), [{ status: /^active$/ }])
  await update(lab.manager, stored)
  t.match((await sign(asked, both, 'Uwe')).answer, { status: 303 })
})

t.test('a new text is shown before it is signed; until then what was signed holds, and no more', async t => {
  const { browser: own, patient } = await arrived('Iris')
  await sign(own, both)
  const { hidden } = await preview(own, both)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  await update(lab.manager, { ...stored, extension: [...stored.extension, text('2')] })
  t.match(wordsOf(await own.get(page)), /The text has changed since you signed/)
  for (const name of ['Iris', '']) {
    const answer = await own.post(`${page}/sign`, { ...hidden, name })
    t.match(
      [answer.status, wordsOf(answer)],
      [
        409,
        /Before you sign The text to sign has changed since you opened this page\. It is not signed\. .* We ask, version 2\./,
      ],
    )
    t.match(answer.body, `<input class="form-control" id="name" name="name" type="text" autocomplete="name"`)
    t.match(answer.body, ` value="${name}"`, 'what was typed is kept')
  }
  t.match(await own.post(page, hidden), { status: 409, body: /The text to sign has changed.*We ask, version 2\./s })
  t.match(await own.post(page, { ...hidden, [steps]: '' }), { status: 422, body: /The text to sign has changed/ })
  t.match(await own.post(page, { ...hidden, change: 'yes' }), { status: 200, body: /The text to sign has changed/ })
  const [before] = await consentsOf(patient.id)
  t.match(before.sourceAttachment.hash, hidden.hash)
  const again = await sign(own, both, 'Iris again')
  t.notMatch(again.preview.body, /The text to sign has changed/)
  const [after] = await consentsOf(patient.id)
  t.not(after.sourceAttachment.hash, before.sourceAttachment.hash)
  t.notMatch(wordsOf(await own.get(page)), /The text has changed/)
})

t.test('days are those of the patient’s time zone, from their first to their last moment and no longer', async t => {
  const days = { [`${hearts}-from`]: '2026-11-10', [`${hearts}-until`]: '2026-11-12', [steps]: 'yes' }
  const choice = { [hearts]: 'yes', ...days, [`${steps}-from`]: '2026-11-10', [`${steps}-until`]: '2026-11-10' }
  for (const [name, timezone, offset] of [
    ['Lara', 'America/Los_Angeles', '-08:00'],
    ['Aroha', 'Pacific/Auckland', '+13:00'],
  ] as const) {
    const { browser: own, patient } = await arrived(name)
    const { heart, steps: walked } = await measuring(patient.id)
    const within = [
      await heart(`2026-11-10T00:00:00${offset}`),
      await heart(`2026-11-12T20:00:00${offset}`),
      await heart(`2026-11-12T23:59:59${offset}`),
      await walked(`2026-11-10T00:00:00${offset}`, `2026-11-10T23:59:59${offset}`),
    ]
    for (const time of ['2026-11-09T20:00:00', '2026-11-09T23:59:59', '2026-11-13T00:00:00'])
      await heart(`${time}${offset}`)
    await walked('2026-11-10T00:00:00Z', '2026-11-10T23:59:59Z')
    const { preview, answer } = await sign(own, { ...choice, timezone })
    t.match(
      wordsOf(preview),
      `Heart rate, from Tidewell band: measured from 10 November 2026 (UTC${offset}), until 12 November 2026 (UTC${offset}). So far there are 3 readings of it that they could see. Step count, from any device: measured from 10 November 2026 (UTC${offset}), until 10 November 2026 (UTC${offset}). So far there is 1 reading `,
    )
    t.match(answer, { status: 303 })
    t.strictSame((await seen(patient.id)).toSorted(), within.toSorted(), timezone)
    const [{ provision }] = await consentsOf(patient.id)
    t.strictSame(
      provision.provision.map(({ dataPeriod }: { dataPeriod: object }) => dataPeriod),
      [
        { start: `2026-11-10T00:00:00.000${offset}`, end: `2026-11-12T23:59:59.999${offset}` },
        { start: `2026-11-10T00:00:00.000${offset}`, end: `2026-11-10T23:59:59.999${offset}` },
      ],
    )
  }
})

t.test('opening the form in another time zone, without changing it, gives what was given', async t => {
  const { browser: own, patient } = await arrived('Mona')
  const permits = async () => (await consentsOf(patient.id))[0].provision.provision
  const days = { [`${hearts}-from`]: '2026-11-01', [`${hearts}-until`]: '2026-11-12' }
  await sign(own, { [hearts]: 'yes', ...days, [steps]: 'yes', timezone: 'America/New_York' })
  const given = await permits()
  t.match(given, [{ dataPeriod: { start: '2026-11-01T00:00:00.000-04:00', end: '2026-11-12T23:59:59.999-05:00' } }, {}])
  for (const [timezone, from, until] of [
    ['America/New_York', '1 November 2026', '12 November 2026'],
    ['Pacific/Auckland', '1 November 2026 17:00', '13 November 2026 18:00'],
    ['Nowhere/Else', '1 November 2026 04:00', '13 November 2026 05:00'],
  ] as const) {
    const form = await formIn(own, timezone)
    t.match(form, { [`${hearts}-from`]: from, [`${hearts}-until`]: until, [hearts]: 'yes', [steps]: 'yes' })
    t.equal(form.timezone, timezone === 'Nowhere/Else' ? 'UTC' : timezone)
    const { preview, answer } = await sign(own, form)
    t.match(preview.body, '<time datetime="2026-11-01T04:00:00.000Z" data-edge="start">')
    t.match(preview.body, '<time datetime="2026-11-13T05:00:00.000Z" data-edge="end">')
    t.equal(answer.status, 303)
    t.strictSame(await permits(), given, timezone)
  }
  const there = await formIn(own, 'Pacific/Auckland')
  await sign(own, { ...there, [`${hearts}-until`]: '2026-11-13' })
  t.match(await permits(), [{ dataPeriod: { start: given[0].dataPeriod.start, end: '2026-11-13T23:59:59.999+13:00' } }])
})

t.test('without a chosen day it begins with the moment of signing; a day that is typed counts completely', async t => {
  const { browser: own, patient } = await arrived('Nora')
  const { heart } = await measuring(patient.id)
  await sign(own, { [hearts]: 'yes', [steps]: 'no', timezone: 'America/Los_Angeles' })
  const [{ dateTime, provision }] = await consentsOf(patient.id)
  t.strictSame(provision.provision[0].dataPeriod, { start: dateTime })
  const shift = (ms: number) => new Date(Date.parse(dateTime) + ms).toISOString()
  const [before, after] = [await heart(shift(-1)), await heart(shift(1))]
  const clock = Intl.DateTimeFormat('sv', { timeZone: 'America/Los_Angeles', dateStyle: 'short', timeStyle: 'short' })
  const minute = clock.format(new Date(dateTime))
  const form = await formIn(own, 'America/Los_Angeles')
  t.equal(form[`${hearts}-from`], edgeShown(minute, wordsFor('en')))
  const kept = await sign(own, form)
  t.match(kept.preview.body, `<time datetime="${dateTime}" data-edge="start">`)
  t.match(wordsOf(kept.preview), /So far there is 1 reading /)
  t.strictSame((await consentsOf(patient.id))[0].provision.provision[0].dataPeriod, { start: dateTime })
  t.strictSame(await seen(patient.id), [after])
  const day = minute.slice(0, 10)
  await sign(own, { ...(await formIn(own, 'America/Los_Angeles')), [`${hearts}-from`]: day })
  t.match((await consentsOf(patient.id))[0].provision.provision[0].dataPeriod.start, `${day}T00:00:00.000-0`)
  t.strictSame((await seen(patient.id)).toSorted(), [before, after].toSorted())
  const wrong = await own.send(page, { ...form, [`${hearts}-from`]: `${day} 00:01` }, page)
  t.match(
    [wrong.status, wordsOf(wrong)],
    [422, /Enter a day that exists, with its month as a word/],
    'a moment is kept, and cannot be typed',
  )
})

t.test('an invalid time zone is reported at its field, if days depend on it', async t => {
  const { browser: own, patient } = await arrived('Olga')
  const refused = await own.send(page, { ...both, timezone: 'Mars/Olympus' }, page)
  t.match(
    [refused.status, wordsOf(refused)],
    [422, /Enter the time zone of the days, such as America\/New_York, or UTC/],
  )
  t.match(refused.body, 'value="Mars/Olympus"', 'what was typed is kept')
  t.match(refused.body, / id="choices" data-typed /, 'nothing replaces it')
  t.notMatch((await own.get(page)).body, 'data-typed')
  t.match((await own.send(page, { [hearts]: 'yes', [steps]: 'no', timezone: 'Mars/Olympus' }, page)).status, 200)
  const notShared = { [hearts]: 'yes', [steps]: 'no', [`${steps}-until`]: '2027-01-01', timezone: 'Mars/Olympus' }
  t.match((await own.send(page, notShared, page)).status, 200, 'not for days of what is not shared')
  t.same(await consentsOf(patient.id), [])
})

t.test('a form that would share nothing cannot be signed', async t => {
  const { browser: own } = await arrived('Petra')
  const past = await own.send(page, { [hearts]: 'yes', [steps]: 'no', [`${hearts}-until`]: '2020-01-01' }, page)
  t.match(
    [past.status, wordsOf(past)],
    [422, /That day is over, so nothing would be shared: enter from when as well, or a later last day, for Heart rate/],
  )
  const today = dayOf(Date.now(), 'Pacific/Kiritimati')
  const until = (day: string) =>
    own.send(page, { [hearts]: 'yes', [steps]: 'no', [`${hearts}-until`]: day, timezone: 'Pacific/Kiritimati' }, page)
  t.equal((await until(today)).status, 200, 'today is not over')
  t.equal((await until(addDays(today, -1))).status, 422)
  const order = { [`${hearts}-from`]: '2026-02-01', [`${hearts}-until`]: '2026-01-31' }
  const turned = await own.send(page, { [hearts]: 'yes', [steps]: 'no', ...order }, page)
  t.match([turned.status, wordsOf(turned)], [422, /The last day is before the first, for Heart rate/])
  t.match(turned.body, `id="${hearts}-until-problem">The last day`)
})

t.test('a date without a time in a Consent is a day in UTC, and stays one', async t => {
  const { browser: own, patient } = await arrived('Quinta')
  await sign(own, both)
  const [{ meta, ...stored }] = await consentsOf(patient.id)
  stored.provision.provision[0].dataPeriod = { start: '2026-11-10', end: '2026-11-12' }
  await update('everything', stored)
  t.match(wordsOf(await own.get('/sharing')), /measured from 10 November 2026 \(UTC\), until 12 November 2026 \(UTC\)/)
  t.match(await formIn(own, 'UTC'), { [`${hearts}-from`]: '10 November 2026', [`${hearts}-until`]: '12 November 2026' })
  const form = await formIn(own, 'Europe/Berlin')
  t.match(form, { [`${hearts}-from`]: '10 November 2026 01:00', [`${hearts}-until`]: '13 November 2026 01:00' })
  await sign(own, form)
  t.strictSame((await consentsOf(patient.id))[0].provision.provision[0].dataPeriod, {
    start: '2026-11-10',
    end: '2026-11-12',
  })
})

t.test('while a place has not begun, nothing is asked or read, and no page says that it has ended', async t => {
  const { browser: own, patient, subject } = await arrived('Wilma')
  await sign(own, both)
  const stored = (await send('everything', 'GET', `ResearchSubject/${subject}`)).json()
  const told = async () => Promise.all(['/sharing', page, `${page}/copy`].map(async one => wordsOf(await own.get(one))))
  await update('everything', { ...stored, period: { start: '2999-01-01' } })
  const early = await told()
  for (const one of early) {
    t.match(one, /Your place in this study has not begun\. Until it does, the study sees nothing of you/)
    t.notMatch(one, /has ended|shared then/)
  }
  t.match(early[0], /measured from 1 January 2026 \(UTC\), read from 1 January 2999 \(UTC\)/)
  t.notMatch(early[1], /What do you want to share/)
  await update('everything', { ...stored, period: { start: '2026-01-01' } })
  for (const one of await told()) t.notMatch(one, /Your place in this study/)
  await update('everything', { ...stored, period: { end: '2026-11-01' } })
  for (const one of await told()) t.match(one, /Your place in this study has ended/)
  t.match(await consentsOf(patient.id), [{ status: /^active$/ }])
})

t.test('what a form cannot say of a line, such as how long it may be read, is not chosen by leaving it', async t => {
  const { browser: own, patient } = await arrived('Ylva')
  await sign(own, { ...both, [steps]: 'yes', [`${steps}-from`]: '2026-01-01' })
  const [{ meta, ...stored }] = await consentsOf(patient.id)
  const [heart, walked] = stored.provision.provision
  for (const permits of [
    [{ ...walked, period: { end: '2999-12-31' } }],
    [{ ...walked, period: { start: '2999-01-01' } }],
    [
      { ...walked, dataPeriod: { start: '2026-01-01', end: '2026-02-01' } },
      { ...walked, dataPeriod: { start: '2026-04-01' } },
    ],
  ]) {
    const dateTime = new Date().toISOString()
    await update('everything', { ...stored, dateTime, provision: { type: 'deny', provision: [heart, ...permits] } })
    const form = await formIn(own, 'UTC')
    t.match(form, { [hearts]: 'yes', [`${hearts}-from`]: '1 January 2026', [`${steps}-from`]: '' })
    t.notOk(steps in form, 'neither yes nor no')
    const left = await own.send(page, form, page)
    t.match([left.status, wordsOf(left)], [422, /Say whether you share Step count, from any device/])
  }
})

t.test('a type of resources without a time is shared completely, without asking for days', async t => {
  const { browser: own, patient } = await arrived('Rosa')
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const type = { system: 'http://hl7.org/fhir/resource-types', code: 'RelatedPerson' }
  const asksType = { url: extensions.requestedData, extension: [{ url: 'class', valueCoding: type }] }
  await update(lab.manager, { ...stored, extension: [...stored.extension, asksType] })
  const related = `${type.system}|${type.code}@any`
  const self = await patientToken(patient.id, 'patient/*.cruds')
  const { id } = await create(self, { resourceType: 'RelatedPerson', patient: { reference: `Patient/${patient.id}` } })
  t.notMatch((await own.get(page)).body, `name="${related}-from"`)
  const choice = { [hearts]: 'no', [steps]: 'no', [related]: 'yes', [`${related}-from`]: '2026-01-01' }
  const { preview, answer } = await sign(own, choice)
  t.match(wordsOf(preview), /RelatedPerson, from any device: all there is, of whatever time What it knows of you/)
  t.equal(answer.status, 303)
  t.match(await consentsOf(patient.id), [{ provision: { provision: [{ class: [type] }] } }])
  t.notMatch((await consentsOf(patient.id))[0].provision.provision[0], { dataPeriod: {} })
  const found = (await send(lab.manager, 'GET', `RelatedPerson?patient=Patient/${patient.id}`)).json().entry ?? []
  t.match(found, [{ resource: { id } }])
  await update(lab.manager, stored)
})
