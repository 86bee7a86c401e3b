import t from 'tap'
import { systems } from '../../src/fhir/canonical.ts'
import { wordsOf } from '../support/browser.ts'
import { openInvited } from './invited.ts'

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
const sign = async (own: ReturnType<typeof browser>, fields: Readonly<Record<string, string>>, name = 'Ana C.') => {
  const preview = await own.send(page, fields, page)
  const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(preview.body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  const hidden = Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value]))
  return { preview, hidden, answer: await own.post(`${page}/sign`, { ...hidden, name }) }
}

t.test('a patient reads what the study is, chooses line by line, sees who could see what, and signs', async t => {
  const { browser: own, patient } = await arrived('Ana')
  const shown = await own.get(page)
  t.match(
    wordsOf(shown),
    /The main points Who runs it lab What it is for How hearts and steps go together .* What it asks for Heart rate, from Tidewell band Step count, from any device .* What you sign We ask, version 1\./,
  )
  t.notMatch(shown.body, / checked/, 'nothing is chosen beforehand')
  const missing = await own.send(page, { [hearts]: 'yes', [`${hearts}-from`]: '1.1.2026' }, page)
  t.match(
    [missing.status, wordsOf(missing)],
    [
      422,
      /Enter year, month and day, such as 2026-01-31, for Heart rate, from Tidewell band Say whether you share Step count/,
    ],
  )
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
  const { preview, answer } = await sign(own, both)
  t.match(
    wordsOf(preview),
    /these people could see these readings: These people Everybody who works at lab, or in a part of it Rita Research These readings Heart rate, from Tidewell band: measured from January 1, 2026\. So far there are 0 readings/,
  )
  t.match(answer, { status: 303, location: `${page}?done=signed` })
  const [consent] = await consentsOf(patient.id)
  t.match(consent, {
    status: 'active',
    sourceAttachment: { hash: /=$/, language: 'en' },
    provision: {
      type: 'deny',
      provision: [
        {
          type: 'permit',
          code: [{ coding: [{ system: systems.omh, code: 'omh:heart-rate' }] }],
          data: [{ meaning: 'instance', reference: { reference: `Device/${band}` } }],
          dataPeriod: { start: '2026-01-01' },
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
  t.match(wordsOf(await staff.get(`/studies/${study.id}`)), /Ana Shares a part of what the study asks for/)
  t.match(wordsOf(await own.get(`${page}?done=signed`)), /It is signed\..*Your copy, to print or keep/)
  const copy = await own.get(`${page}/copy`)
  t.match(wordsOf(copy), /Your consent .* Name typed Ana C\. Version of the text 1 .* Heart rate.*We ask, version 1\./)
  t.match((await own.get(`${page}/copy?file`)).headers, {
    'content-disposition': 'attachment; filename="consent.html"',
  })
})

t.test('what is signed opens, and what is stopped closes, in the next request of the study’s staff', async t => {
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
    /What you share .* To Hearts &amp; steps Step count, from any device: measured from January 1, 2026/,
  )
  t.equal((await own.send('/sharing', {})).location, '/sharing?done=none')
  const tick = /name="stop" value="([^"]*)"/.exec(listed.body)?.[1] ?? ''
  t.match(await own.send('/sharing', { stop: tick }), { status: 303, location: '/sharing?done=stopped' })
  t.equal(await sees(), 0)
  t.match(await consentsOf(patient.id), [{ status: 'inactive' }])
  const over = await own.get('/sharing')
  t.match(wordsOf(over), /You share nothing with anybody\. Studies with which you share nothing now Hearts &amp; steps/)
  t.match(over.body, `href="${page}"`, 'they may still say yes')
})

t.test('a part is stopped, and the rest goes on; everything is stopped at once', async t => {
  const { browser: own, patient } = await arrived('Cleo')
  await sign(own, { [hearts]: 'yes', [steps]: 'yes' })
  const [tick = ''] = [...(await own.get('/sharing')).body.matchAll(/name="stop" value="([^"]*)"/g)].map(
    ([, one]) => one ?? '',
  )
  await own.send('/sharing', { stop: tick })
  t.match(await consentsOf(patient.id), [{ status: 'active', provision: { provision: [{ type: 'permit' }] } }])
  t.equal((await consentsOf(patient.id))[0].provision.provision.length, 1)
  t.equal((await own.send('/sharing', { stop: tick })).location, '/sharing?done=stopped', 'what has ended stays ended')
  await own.send('/sharing', { all: 'yes' })
  t.match(await consentsOf(patient.id), [{ status: 'inactive' }])
})

t.test('saying no is one press, and can be taken back', async t => {
  const { browser: own, patient } = await arrived('Dina')
  t.match(await own.send(page, {}, `${page}/decline`).catch(() => own.get(page)), { status: 200 })
  const { body } = await own.get(page)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  t.match(
    body,
    /<button class="btn btn-primary">See what that means<\/button>\s*<button formaction="[^"]*\/decline" class="btn btn-primary">No, I do not take part<\/button>/,
  )
  t.match(await own.post(`${page}/decline`, { _csrf }), { status: 303, location: `${page}?done=declined` })
  t.match(await consentsOf(patient.id), [{ status: 'rejected' }])
  t.match(wordsOf(await staff.get(`/studies/${study.id}`)), /Dina Has declined/)
  t.match((await sign(own, both)).answer, { status: 303 })
  t.same((await consentsOf(patient.id)).map(({ status }: { status: string }) => status).toSorted(), [
    'active',
    'rejected',
  ])
})

t.test('what staff have proposed becomes what the patient signs, and nothing else', async t => {
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
  t.match(await consentsOf(patient.id), [{ id, status: 'active' }])
})

t.test('in Spanish everything is Spanish, also what is signed', async t => {
  const { browser: own, patient } = await arrived('Fina')
  const spanish = await world.browserOf(
    (await send('everything', 'GET', `Person?link=Patient/${patient.id}`)).json().entry[0].resource.id,
    'es-MX,es;q=0.9,en;q=0.8',
  )
  const shown = await spanish.get(page)
  t.match(shown.body, /<html lang="es">/)
  t.match(wordsOf(shown), /Frecuencia cardíaca, de Tidewell band .* Lo que firma Le pedimos, version 1\./)
  t.match(wordsOf(await own.get(page)), /We ask, version 1\./)
  await sign(spanish, both)
  t.match(await consentsOf(patient.id), [{ sourceAttachment: { language: 'es' } }])
  t.match(wordsOf(await own.get(`${page}/copy`)), /Le pedimos, version 1\./, 'the copy has the text that was signed')
})

t.test('nobody sees or signs for another, and a foreign form signs nothing', async t => {
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

t.test('what is asked for anew is not what was chosen', async t => {
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

t.test('another text is shown before it is signed; until then what was signed holds, and no more', async t => {
  const { browser: own, patient } = await arrived('Iris')
  const { hidden } = await sign(own, both)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  await update(lab.manager, { ...stored, extension: [...stored.extension, text('2')] })
  t.match(wordsOf(await own.get(page)), /The text has changed since you signed/)
  t.match(await own.post(`${page}/sign`, { ...hidden, name: 'Iris' }), { status: 409, body: /We ask, version 2\./ })
  const [before] = await consentsOf(patient.id)
  await sign(own, both, 'Iris again')
  const [after] = await consentsOf(patient.id)
  t.not(after.sourceAttachment.hash, before.sourceAttachment.hash)
  t.notMatch(wordsOf(await own.get(page)), /The text has changed/)
})
