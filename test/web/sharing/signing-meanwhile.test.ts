import type { Consent, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { givenToStudy } from '../../../src/access/consent-study.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { type Browser, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { consent } from '../../support/study.ts'
import { studyAnew } from '../../support/study-anew.ts'
import { openSharing } from './sharing-world.ts'

const world = await openSharing()
const { arrived, band, consentsOf, create, database, lab, send, update } = world
t.teardown(world.close)

/** The form that signs, in a window that was opened before anything else happens. */
const opened = async (name: string) => {
  const { browser: own, patient } = await arrived(name)
  const page = `/sharing/${world.study.id}`
  const fields = { [`omh:heart-rate@${band}`]: 'yes', 'omh:step-count@any': 'no' }
  const { hidden } = await preview(own, page, fields)
  const signOld = () => own.post(`${page}/sign`, { ...hidden, name })
  const statuses = async () => (await consentsOf(patient.id)).map(({ status }) => status)
  return { own, patient, page, fields, hidden, signOld, statuses }
}

const preview = async (own: Browser, page: string, fields: Readonly<Record<string, string>>) => {
  const shown = await own.send(page, fields, page)
  const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(shown.body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  return { shown, hidden: Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value])) }
}

const isTold = /Your answer has changed since you opened this page/

t.test('whoever has said no in another window signs nothing by an older form, and is told so', async t => {
  const { own, page, hidden, signOld, statuses } = await opened('Olle')
  t.match(await own.post(`${page}/decline`, hidden), { status: 303 })
  const answer = await signOld()
  t.match([answer.status, wordsOf(answer)], [409, isTold])
  t.match(wordsOf(answer), /You have said no\. Nothing is shared/, 'what stands')
  t.match(answer.body, / name="omh:step-count@any" value="no" checked/, 'what was chosen is kept')
  t.match(answer.body, '<input type="hidden" name="name" value="Olle">')
  t.same(await statuses(), ['rejected'])
  const preview = await own.post(page, hidden)
  t.match([preview.status, wordsOf(preview)], [409, isTold], 'nor is it shown what signing it would open')
})

t.test('whoever still wants it signs by the form that is shown then', async t => {
  const { own, page, fields, hidden, signOld, statuses } = await opened('Oona')
  await own.post(`${page}/decline`, hidden)
  t.match(await signOld(), { status: 409 })
  const again = await preview(own, page, fields)
  t.notMatch(wordsOf(again.shown), isTold)
  t.match(await own.post(`${page}/sign`, { ...again.hidden, name: 'Oona' }), { status: 303, location: /done=signed/ })
  t.same((await statuses()).toSorted(), ['active', 'rejected'])
})

t.test('whoever says no just after the moment that the signing names signs nothing, and is told so', async t => {
  const { own, page, fields, hidden, statuses } = await opened('Orso')
  await own.post(`${page}/decline`, hidden)
  const soon = new Date(Date.now() + 60_000).toISOString()
  await database.run(sql.fragment`
    UPDATE consent SET last_updated = ${soon}, content = content || ${JSON.stringify({ dateTime: soon })}::jsonb
    WHERE content ->> 'status' = 'rejected'`)
  const again = await preview(own, page, fields)
  const answer = await own.post(`${page}/sign`, { ...again.hidden, name: 'Orso' })
  t.match(answer, { status: 303, location: /done=overtaken/ })
  t.match(wordsOf(await own.get(`${answer.location}`)), /You have said no\. Nothing is shared/)
  t.same(await statuses(), ['rejected'])
})

t.test('pressing again after it was signed signs it once, and whoever stopped it since signs nothing', async t => {
  const { own, page, hidden, signOld, statuses } = await opened('Ossi')
  t.match(await signOld(), { status: 303, location: /done=signed/ })
  const again = await signOld()
  t.match([again.status, wordsOf(again)], [409, isTold])
  t.match(wordsOf(again), /You share data with this study now/)
  await own.post(`${page}/decline`, hidden)
  t.match(await signOld(), { status: 409 })
  t.same(await statuses(), ['inactive'])
})

t.test('what staff propose meanwhile is no answer, and keeps nobody from signing', async t => {
  const { browser: own, patient } = await arrived('Ottilie')
  const page = `/sharing/${world.study.id}`
  const { hidden } = await preview(own, page, { [`omh:heart-rate@${band}`]: 'yes', 'omh:step-count@any': 'no' })
  const { sourceAttachment: _, dateTime: __, ...asked } = consent(patient.id, world.study.id, lab.organization, [])
  await create<Consent>(lab.manager, {
    ...asked,
    status: 'proposed',
    provision: givenToStudy(world.study.id, { type: 'deny' }),
  })
  t.match(await own.post(`${page}/sign`, { ...hidden, name: 'Ottilie' }), { status: 303, location: /done=signed/ })
  t.match(await consentsOf(patient.id), [{ status: /^active$/ }])
})

t.test('nor at that very moment', async t => {
  const { patient, signOld } = await opened('Odila')
  const { sourceAttachment: _, dateTime: __, ...asked } = consent(patient.id, world.study.id, lab.organization, [])
  const { signing } = await database.transaction(async connection => {
    await connection.run(sql.fragment`
      SELECT pg_advisory_xact_lock(hashtext('consent'), patient_id) FROM patient WHERE id = ${patient.id}`)
    const proposing = create<Consent>(lab.manager, {
      ...asked,
      status: 'proposed',
      provision: givenToStudy(world.study.id, { type: 'deny' }),
    })
    await someoneWaits(connection)
    const signing = signOld()
    await someoneWaits(connection, 2)
    return { signing: Promise.all([signing, proposing]) }
  })
  const [answer] = await signing
  t.match(answer, { status: 303, location: /done=signed/ })
  t.match(await consentsOf(patient.id), [{ status: /^active$/ }])
})

t.test('whoever says no in another window at that very moment has signed nothing', async t => {
  const { own, patient, page, hidden, signOld, statuses } = await opened('Orla')
  const { saying } = await database.transaction(async connection => {
    await connection.run(sql.fragment`
      SELECT pg_advisory_xact_lock(hashtext('consent'), patient_id) FROM patient WHERE id = ${patient.id}`)
    const declining = own.post(`${page}/decline`, hidden)
    await someoneWaits(connection)
    const signing = signOld()
    await someoneWaits(connection, 2)
    return { saying: Promise.all([declining, signing]) }
  })
  const [declined, signed] = await saying
  t.match([declined.status, declined.location], [303, /done=declined/])
  t.match([signed.status, signed.location], [303, /done=overtaken/])
  t.same(await statuses(), ['rejected'])
})

/** Sends the form that signs, and makes the change after the page has read the study, and before anything is written. */
const signedWhile = async (name: string, change: (study: ResearchStudy) => ResearchStudy) => {
  const asked = studyAnew((await send('everything', 'GET', `ResearchStudy/${world.study.id}`)).json())
  const { browser: own, patient } = await arrived(name)
  const { meta, ...study } = await create<ResearchStudy>(lab.manager, asked)
  await world.enrol(patient.id, study.id)
  const page = `/sharing/${study.id}`
  const fields = { [`omh:heart-rate@${band}`]: 'yes', 'omh:step-count@any': 'no' }
  const { hidden } = await preview(own, page, fields)
  const { number } = await database.one<{ number: number }>(
    sql.fragment`SELECT patient_id AS number FROM patient WHERE id = ${patient.id}`,
  )
  const { signing } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('consent'), ${number})`)
    const signing = own.post(`${page}/sign`, { ...hidden, name })
    await someoneWaits(connection)
    await update(lab.manager, change(study))
    return { signing }
  })
  return { answer: await signing, again: () => own.send(page, fields, page), consents: await consentsOf(patient.id) }
}

t.test('a reader who is named at the very moment of signing is shown before anything is signed', async t => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ text: 'Olga Outside' }] })
  const outsider = {
    url: extensions.staff,
    extension: [{ url: 'practitioner', valueReference: { reference: `Practitioner/${id}` } }],
  }
  const { answer, again, consents } = await signedWhile('Runa', ({ extension = [], ...study }) => ({
    ...study,
    extension: [...extension, outsider],
  }))
  t.match([answer.status, wordsOf(answer)], [409, /What the study says of itself has changed/])
  t.same(consents, [])
  t.match(wordsOf(await again()), /Olga Outside/)
})

t.test('nor is an older text signed at that moment: the new one is shown, and what was chosen is kept', async t => {
  const { answer, consents } = await signedWhile('Rieke', ({ extension = [], ...study }) => ({
    ...study,
    extension: [...extension, world.text('9')],
  }))
  t.match([answer.status, wordsOf(answer)], [409, /The text to sign has changed since you opened this page/])
  t.match(wordsOf(answer), /We ask, version 9\./)
  t.match(answer.body, / value="Rieke"/)
  t.match(answer.body, '<input type="hidden" name="omh:step-count@any" value="no">')
  t.same(consents, [])
})

const closings = [
  ['completed', 'Rolf', /What you sent is not signed\. This study is over/],
  ['closed-to-accrual', 'Rudi', /What you sent is not signed\. Nobody new comes into this study now/],
] as const
for (const [status, name, told] of closings)
  t.test(`nor is anything if the study becomes ${status} at that moment, which the page says`, async t => {
    const { answer, consents } = await signedWhile(name, study => ({ ...study, status }))
    t.match([answer.status, wordsOf(answer)], [409, told])
    t.same(consents, [])
  })

t.test('what the page does not show may change at that moment', async t => {
  const { answer, consents } = await signedWhile('Rosa', study => ({ ...study, note: [{ text: 'Called the board' }] }))
  t.match([answer.status, answer.location], [303, /done=signed/])
  t.match(consents, [{ status: /^active$/ }])
})
