import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import { wordsOf } from '../../support/browser.ts'
import { openSharing } from './sharing-world.ts'

/** What was signed stays readable for whoever signed it, and says no more than that. */
const world = await openSharing()
const { band, browserOf, consentsOf, create, lab, send, sign, somebody, study, update } = world
t.teardown(world.close)
t.setTimeout(280_000)

const page = `/sharing/${study.id}`
const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const both = { [hearts]: 'yes', [steps]: 'yes', [`${hearts}-from`]: '2025-01-01' }

t.test('the copy of a consent that has ended says what was signed, and when it ended', async t => {
  const { browser: own } = await somebody('Uma')
  await sign(own, both)
  const signed = wordsOf(await own.get(`${page}/copy`))
  t.match(
    signed,
    /Signed .* Name typed Pia T .* What you share Heart rate, from Tidewell band: measured from 1 January/,
  )
  t.notMatch(signed, /Ended/)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await own.get(page)).body)?.[1] ?? ''
  for (const times of ['once', 'twice']) {
    await own.post(`${page}/decline`, { _csrf })
    const shown = await own.get(page)
    t.match(shown.body, `href="${page}/copy"`, times)
    const copy = await own.get(`${page}/copy`)
    t.equal(copy.status, 200)
    t.match(
      wordsOf(copy),
      /Signed .* Name typed Pia T Ended .* Version of the text 1 .* What you shared Heart rate, from Tidewell band: measured from 1 January 2025 \(UTC\) Step count, .* We ask, version 1\./,
    )
  }
})

t.test('the copy names the organization as it was called when it was signed', async t => {
  const { browser: own } = await somebody('Nele')
  await sign(own, both)
  const at = study.sponsor?.reference ?? ''
  const organization = (await send('everything', 'GET', at)).json()
  await update('everything', { ...organization, name: 'Harbour Laboratory' })
  t.match(wordsOf(await own.get(page)), 'Harbour Laboratory')
  const copy = wordsOf(await own.get(`${page}/copy`))
  const now = /Who could see it on .* What you signed/
  t.match(copy.replace(now, ''), organization.name)
  t.notMatch(copy.replace(now, ''), 'Harbour Laboratory')
  t.match(now.exec(copy)?.[0], 'Harbour Laboratory', 'whoever sees it now has the name of now')
  await update('everything', organization)
})

t.test('the copy names a device as it was called when it was signed', async t => {
  const { browser: own } = await somebody('Nils')
  await sign(own, both)
  const at = `Device/${band}`
  const device = (await send('everything', 'GET', at)).json()
  const { name } = device.deviceName[0]
  await update('everything', { ...device, deviceName: [{ name: 'Renamed Band', type: 'user-friendly-name' }] })
  t.match(wordsOf(await own.get(page)), 'Heart rate, from Renamed Band')
  const copy = wordsOf(await own.get(`${page}/copy`))
  t.match(copy, name)
  t.notMatch(copy, 'Renamed Band')
  await update('everything', device)
})

t.test('the copy names whoever signed as their account was called then', async t => {
  const { browser: own } = await somebody('Nuria')
  await sign(own, both)
  await own.send('/account/name', { name: 'Nuria Renamed' })
  t.match(wordsOf(await own.get('/account')), 'Nuria Renamed')
  t.match(wordsOf(await own.get(`${page}/copy`)), /Name Nuria Signed /)
})

t.test('the downloaded copy has what was signed, and nothing that leads back here', async t => {
  const { browser: own } = await somebody('Flo')
  await sign(own, both)
  const { status, body } = await own.get(`${page}/copy?file`)
  t.equal(status, 200)
  t.match(
    wordsOf({ body }),
    /^Your consent Hearts &amp; steps lab .* Name typed Pia T .* What you share Heart rate, from Tidewell band: measured from 1 January 2025 \(UTC\) .* What you signed KEY FACTS We ask, version 1\. WHO RECEIVES .* WHOM TO ASK …$/,
  )
  t.notMatch(body, /<form|_csrf|href=|src=|<script/)
  t.match(body, /<style>.*\.as-written { white-space: pre-line }.*<div class="as-written /s, 'the text keeps its lines')
  const bordered = [...body.matchAll(/<(\w+) class="[^"]*\bborder\b/g)].map(([, name]) => name)
  t.same([/\.border { border: 1px solid; /.test(body), bordered], [true, ['div']], 'the text alone has a border')
  t.match(body, /<style>.*\.as-written, code, body \[lang\] { unicode-bidi: plaintext }/s, 'and its own direction')
})

t.test('the copy of a consent that does not say when it was signed says everything else', async t => {
  const { browser: signer, patient: of } = await somebody('Zoe')
  await sign(signer, both)
  const [{ id: _, meta: __, dateTime: ___, ...signed } = {} as Consent] = await consentsOf(of.id)
  const { browser: own, patient } = await somebody('Ned')
  await create('everything', { ...signed, patient: { reference: `Patient/${patient.id}` } })
  const copy = await own.get(`${page}/copy`)
  t.equal(copy.status, 200)
  t.match(
    wordsOf(copy),
    /Your consent .* Name Ned Version of the text 1 .* What you share Heart rate, from Tidewell band: .* We ask, version 1\./,
  )
  t.notMatch(wordsOf(copy), /Signed/)
  const [{ resource: holder }] = (await send('everything', 'GET', `Person?link=Patient/${patient.id}`)).json().entry
  await update('everything', { ...holder, name: undefined })
  const { body } = await own.get(`${page}/copy`)
  t.notMatch(body, '<dt>Name</dt>', 'nor is there a heading for a name that an account does not have')
})

const noPlace = /You have no place in this study .* If you have just chosen, signed or said no, that was not saved\./

t.test('somebody whose place has ended can still read the study and their copy, and is asked for nothing', async t => {
  const { browser: own, subject } = await somebody('Vic')
  await sign(own, both)
  const stored = (await send('everything', 'GET', `ResearchSubject/${subject}`)).json()
  await update(lab.manager, { ...stored, status: 'off-study' })
  const shown = await own.get(page)
  t.equal(shown.status, 200)
  t.match(wordsOf(shown), /Hearts &amp; steps Your place in this study has ended\. .* Your copy, to print or keep/)
  t.notMatch(shown.body, /action="\/sharing\//, 'no form')
  const listed = await own.get('/sharing')
  t.match(listed.body, `href="${page}"`)
  t.match(wordsOf(await own.get(`${page}/copy`)), /Your place in this study has ended\. .* Name typed Pia T .* We ask/)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(listed.body)?.[1] ?? ''
  for (const action of ['', '/sign', '/decline']) {
    const refused = await own.post(`${page}${action}`, { _csrf })
    t.match([refused.status, wordsOf(refused)], [404, noPlace], action)
    t.match(refused.body, 'href="/sharing"', 'with the way to what they can stop')
  }
  const stranger = await browserOf((await create('everything', { resourceType: 'Person' })).id)
  const { browser: other, subject: left } = await somebody('Wim')
  const place = (await send('everything', 'GET', `ResearchSubject/${left}`)).json()
  await update(lab.manager, { ...place, status: 'off-study' })
  for (const somebodyElse of [stranger, other])
    for (const url of [page, `${page}/copy`])
      t.equal(
        (await somebodyElse.get(url)).status,
        404,
        'somebody who never answered, or was never asked, finds nothing',
      )
})

t.test('so can somebody whose place was deleted, who is told by its name to which study it was given', async t => {
  const { browser: own, subject, patient } = await somebody('Olga')
  await sign(own, both)
  const headers = { authorization: `Bearer ${lab.manager}` }
  const gone = await world.server.inject({ method: 'DELETE', url: `/fhir/ResearchSubject/${subject}`, headers })
  t.equal(gone.statusCode, 204)
  const left = 'Your place in this study has ended\\.'
  t.match(
    wordsOf(await own.get('/sharing')),
    new RegExp(`To Hearts &amp; steps ${left} .* Nobody reads anything by it now`),
  )
  t.match(wordsOf(await own.get(page)), new RegExp(`Hearts &amp; steps ${left} .* Your copy, to print or keep`))
  t.match(wordsOf(await own.get(`${page}/copy`)), new RegExp(`${left} .* Name typed Pia T .* We ask`))
  const [given] = await consentsOf(patient.id)
  t.match(given, { status: /^active$/ })
  const { browser: other, subject: never } = await somebody('Petra')
  const urlOfNever = `/fhir/ResearchSubject/${never}`
  t.equal((await world.server.inject({ method: 'DELETE', url: urlOfNever, headers })).statusCode, 204)
  t.equal((await other.get(page)).status, 404, 'somebody who never answered finds nothing')
})

t.test('a name is only shown under what it was typed for, or less', async t => {
  const { browser: own, change, patient } = await somebody('Xenia')
  await sign(own, { ...both, [steps]: 'no' })
  const [{ provision } = {}] = (await consentsOf(patient.id)) as readonly Consent[]
  const [permit = {}] = provision?.provision ?? []
  const dated = (start: string) => ({
    type: 'deny' as const,
    provision: [{ ...permit, dataPeriod: { start } }],
  })
  await change(dated('2025-06-01'))
  const narrower = wordsOf(await own.get(`${page}/copy`))
  t.match(narrower, /Signed .* Name typed Pia T .* Heart rate, from Tidewell band: measured from 1 June 2025 \(UTC\)/)
  await change(dated('2024-01-01'))
  const wider = wordsOf(await own.get(`${page}/copy`))
  t.match(wider, /Changed since it was signed, without a name typed .* measured from 1 January 2024 \(UTC\)/)
  t.notMatch(wider, /Pia T|Signed/)
  await change(dated('2025-06-01'))
  t.notMatch(wordsOf(await own.get(`${page}/copy`)), /Pia T/, 'not even if it was changed back')
  await sign(own, { ...both, [steps]: 'no' })
  t.match(wordsOf(await own.get(`${page}/copy`)), /Signed .* Name typed Pia T/)
})

t.test('the name stays under what it was typed for, however often less was given since', async t => {
  const { browser: own, change, patient } = await somebody('Yara')
  await sign(own, { ...both, [steps]: 'no' })
  const [{ provision } = {}] = (await consentsOf(patient.id)) as readonly Consent[]
  const [permit = {}] = provision?.provision ?? []
  for (let day = 1; day <= 25; day++)
    await change({
      type: 'deny',
      provision: [{ ...permit, dataPeriod: { start: `2025-06-${String(day).padStart(2, '0')}` } }],
    })
  t.match(
    wordsOf(await own.get(`${page}/copy`)),
    /Signed .* Name typed Pia T .* Heart rate, from Tidewell band: measured from 25 June 2025 \(UTC\)/,
  )
})
