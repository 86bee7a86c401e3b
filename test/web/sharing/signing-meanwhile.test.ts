import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openSharing } from './sharing-world.ts'

const world = await openSharing()
const { arrived, band, consentsOf, create, database, lab, send, update } = world
t.teardown(world.close)

/** Sends the form that signs, and makes the change after the page has read the study, and before anything is written. */
const signedWhile = async (name: string, change: (study: ResearchStudy) => ResearchStudy) => {
  const { id: _, meta: __, ...asked } = (await send('everything', 'GET', `ResearchStudy/${world.study.id}`)).json()
  const { browser: own, patient } = await arrived(name)
  const { meta, ...study } = await create<ResearchStudy>(lab.manager, asked)
  await world.enrol(patient.id, study.id)
  const page = `/sharing/${study.id}`
  const fields = { [`omh:heart-rate@${band}`]: 'yes', 'omh:step-count@any': 'no' }
  const shown = await own.send(page, fields, page)
  const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(shown.body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  const hidden = Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value]))
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

t.test('what the page does not show may change at that moment', async t => {
  const { answer, consents } = await signedWhile('Rosa', study => ({ ...study, note: [{ text: 'Called the board' }] }))
  t.match([answer.status, answer.location], [303, /done=signed/])
  t.match(consents, [{ status: 'active' }])
})
