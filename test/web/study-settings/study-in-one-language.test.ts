import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { textParts } from '../../../src/access/text-parts.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { extensionsOf } from '../../../src/fhir/extension.ts'
import { wordsOf } from '../../support/browser.ts'
import { openInvited } from '../invited.ts'

const world = await openInvited()
const { arrived, create, lab, send, staff } = world
t.teardown(world.close)
t.setTimeout(120_000)

const at = `/organizations/${lab.organization}/studies/new`
const chosen = { identity: 'identified', access: 'organization' }
const words = Object.fromEntries(textParts.map(part => [part, `Esto es ${part}.`]))
const madeIn = async (fields: Readonly<Record<string, string>>): Promise<string> => {
  const { status, location = '' } = await staff.send(at, { ...chosen, ...fields })
  t.equal(status, 303)
  return location.split('/')[2] ?? ''
}
const read = async (id: string): Promise<ResearchStudy> =>
  (await send('everything', 'GET', `ResearchStudy/${id}`)).json()

t.test('a study in Spanish alone is made, published and read, and nobody writes a word of English for it', async t => {
  t.match((await staff.get(at)).body, /<select id="language" name="language" /)
  const id = await madeIn({
    language: 'es',
    title: 'Sueño y turnos',
    purpose: 'Cómo duermen quienes trabajan por turnos',
  })
  t.match(await read(id), { language: 'es', title: 'Sueño y turnos' })
  const settings = `/studies/${id}/settings`
  await staff.send(`${settings}/data`, { kind: 'omh:heart-rate', source: '', reason: 'Para ver cómo late' })
  t.match(
    wordsOf(await staff.get(`${settings}/text`)),
    /A new version .* Write it in Spanish Write it in English \(not required\)/,
  )
  t.notMatch((await staff.get(`${settings}/text/draft/en`)).body, 'name="promise"')
  await staff.send(`${settings}/text/draft/es`, { ...words, contact: '', promise: 'hide' })
  t.match(
    wordsOf(await staff.get(`${settings}/text`)),
    /cannot be published yet\. Still missing: Spanish: whom to ask$/,
  )
  await staff.send(`${settings}/text/draft/es`, { ...words, promise: 'hide' })
  t.match(await staff.send(`${settings}/text`, {}, `${settings}/text/publish`), { status: 303 })
  t.match(await staff.send(`${settings}/status`, { status: 'active' }), { status: 303 })
  const study = await read(id)
  t.equal(study.status, 'active')
  t.same(
    extensionsOf(study, extensions.patientText).flatMap(version =>
      extensionsOf(version, 'text').map(({ valueAttachment }) => valueAttachment?.language),
    ),
    ['es'],
  )

  const { patient, browser } = await arrived('Ines')
  await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${id}` },
    individual: { reference: `Patient/${patient.id}` },
  })
  const { entry } = (await send('everything', 'GET', `Person?link=Patient/${patient.id}`)).json()
  const spanish = await world.browserOf(entry[0].resource.id, 'es')
  const own = await spanish.get(`/sharing/${id}`)
  t.match(own.body, '<h1>Sueño y turnos</h1>')
  t.match(wordsOf(own), /Esto es key-facts\. .* Esto es contact\./)
  const english = await browser.get(`/sharing/${id}`)
  t.match(english.body, '<h1 lang="es">Sueño y turnos</h1>')
  t.match(wordsOf(english), /This text does not exist in English.* Esto es key-facts\./)
})

t.test('words that were typed as a translation into the language that is chosen are those of the study', async t => {
  const id = await madeIn({ language: 'es', 'title-es': 'Pasos', 'purpose-es': 'Cuánto anda la gente' })
  const { language, title, description, _title } = (await read(id)) as ResearchStudy & { readonly _title?: object }
  t.same(
    { language, title, description, _title },
    { language: 'es', title: 'Pasos', description: 'Cuánto anda la gente', _title: undefined },
  )
})

t.test('a mistake keeps the language and what was typed, and asks for a translation into the others', async t => {
  const refused = await staff.send(at, { ...chosen, language: 'es', title: 'Pasos', 'title-en': 'Steps' })
  t.equal(refused.status, 422)
  t.match(refused.body, '<option value="es" selected>')
  t.match(wordsOf(refused), /Title in English/)
  t.match(refused.body, /name="title-en"[^>]*value="Steps"/)
  t.match(refused.body, /name="title"[^>]*value="Pasos"[^>]* lang="es"/)
})

t.test('a study that names no other language is in English, also if an unknown one is sent', async t => {
  const id = await madeIn({ language: 'xx', title: 'Steps', purpose: 'How far people walk' })
  t.equal((await read(id)).language, undefined)
})
