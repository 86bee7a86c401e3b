import t from 'tap'
import { type Browser, wordsOf } from '../../support/browser.ts'
import { linkIn } from '../../support/mailbox.ts'
import { consent } from '../../support/study.ts'
import { openInvited, password } from '../../web/invited.ts'

const world = await openInvited()
const { addStudy, create, enrolled, lab, mailbox, patientToken, prove, send, staff, staffToken } = world
t.teardown(world.close)
t.setTimeout(280_000)

const kinds = ['omh:heart-rate']
const reading = (patient: string) =>
  create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: '2026-01-02T10:00:00Z',
    valueQuantity: { value: 70, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  })
const invited = async (study: string, subject: string, own?: Browser) => {
  await staff.send(`/studies/${study}`, {}, `/studies/${study}/people/${subject}/invite`)
  return (await prove(linkIn(await mailbox.next()), own)).browser
}
/** Another record of the person with the e-mail address. */
const again = (name: string, email: string, study: string) =>
  enrolled(name, { telecom: [{ system: 'email', value: email }] }, study)
const consentsTo = async (study: string) =>
  ((await send('everything', 'GET', `Consent?study=ResearchStudy/${study}&_sort=_id`)).json().entry ?? []).map(
    ({ resource }: { resource: { status: string; patient: { reference: string } } }) => [
      resource.status,
      resource.patient.reference,
    ],
  )
const hiddenIn = (body: string, action: string) => {
  const form = new RegExp(`<form method="post" action="${action}"[^>]*>([\\s\\S]*?)</form>`).exec(body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  return Object.fromEntries(inputs.map(([, name = '', value = '']) => [name, value]))
}
const sign = async (own: Browser, page: string, from: string) => {
  const preview = await own.send(page, { 'omh:heart-rate@any': 'yes', 'omh:heart-rate@any-from': from }, page)
  return own.post(`${page}/sign`, { ...hiddenIn(preview.body, `${page}/sign`), name: 'Joan Doe' })
}

t.test('somebody who left a study is asked again with another record, and nothing is read until they sign', async t => {
  const study = await addStudy(lab.manager, lab.organization, 'Left', kinds)
  const page = `/sharing/${study.id}`
  const reader = await staffToken(study.researcher, 'user/*.rs')
  const seen = async () => ((await send(reader, 'GET', 'Observation')).json().entry ?? []).length
  const first = await enrolled('Joan', {}, study.id)
  const own = await invited(study.id, first.subject)
  await own.send('/invitation/account', { name: 'Joan', password })
  await reading(first.patient.id)
  const app = await patientToken(first.patient.id, 'patient/*.cruds patient/Consent.cruds')
  await create(app, consent(first.patient.id, study.id, lab.organization, kinds))
  t.equal(await seen(), 1)
  const place = (await send(app, 'GET', `ResearchSubject/${first.subject}`)).json()
  await send(app, 'PUT', `ResearchSubject/${first.subject}`, { ...place, status: 'withdrawn' })
  t.equal(await seen(), 0)

  const second = await again('Joan2', first.email, study.id)
  await invited(study.id, second.subject, own)
  t.match(await own.send('/invitation/account', {}), { status: 303, location: page })
  t.equal(await seen(), 0, 'they have not signed again')
  t.match(
    wordsOf(await own.get(page)),
    /You share nothing with this study now\. You had left this study before your records became one\. What you gave it then does not count again: only what you sign anew does\..* lab asks you to share data/,
  )
  t.match(await sign(own, page, '2026-01-01'), { status: 303 })
  t.equal(await seen(), 1)
  t.strictSame(await consentsTo(study.id), [
    ['inactive', `Patient/${first.patient.id}`],
    ['active', `Patient/${second.patient.id}`],
  ])
})

t.test('with two records in a study an answer counts for both, whichever gave it', async t => {
  const study = await addStudy(lab.manager, lab.organization, 'Both', kinds)
  const page = `/sharing/${study.id}`
  // Its id sorts before the other.
  const other = await enrolled('Olga', {}, study.id)
  const answered = await again('Olga2', other.email, study.id)
  const own = await invited(study.id, answered.subject)
  await own.send('/invitation/account', { name: 'Olga', password })
  const app = await patientToken(answered.patient.id, 'patient/Consent.cruds')
  await create(app, consent(answered.patient.id, study.id, lab.organization, kinds))
  await invited(study.id, other.subject, own)
  await own.send('/invitation/account', {})

  const shown = await own.get(page)
  t.match(wordsOf(shown), /You share data with this study now\./)
  t.match(await sign(own, page, '2026-02-01'), { status: 303 })
  t.strictSame(await consentsTo(study.id), [['active', `Patient/${answered.patient.id}`]], 'it stays the one it was')
  t.match(await own.post(`${page}/decline`, hiddenIn((await own.get(page)).body, page)), { status: 303 })
  t.match(wordsOf(await own.get(page)), /You share nothing with this study now\./)
  t.strictSame(await consentsTo(study.id), [['inactive', `Patient/${answered.patient.id}`]])
})
