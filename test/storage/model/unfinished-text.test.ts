import type { Consent, Extension, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { textParts } from '../../../src/access/text-parts.ts'
import { digestOf } from '../../../src/fhir/attachment-digest.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { FhirError } from '../../../src/fhir/error.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Store } from '../../../src/storage/store.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const people = ['ann', 'bob', 'cat', 'dan']

const world = await w.openWorld()
t.teardown(world.close)
const { database, put, storeOf } = world

/** The outcome, or why it was refused and where. */
const update = (caller: Caller, resource: Resource): Promise<string> =>
  write(caller, { kind: 'update', id: resource.id ?? '', resource })
const create = (caller: Caller, { id: _, ...resource }: Resource): Promise<string> =>
  write(caller, { kind: 'create', resource: resource as Resource })
const write = async (caller: Caller, one: Parameters<Store['write']>[0][number]): Promise<string> => {
  const [written] = await storeOf(caller).write([one])
  if (written?.outcome !== 'refused') return written?.outcome ?? 'nothing'
  t.ok(written.error instanceof FhirError && written.error.status === 422)
  return `${written.error.issues[0].expression}: ${written.error.issues[0].message}`
}
const importer = w.client('importer', { policies: ['everything'] })
const own = (id: string) => w.patient(id, 'patient/*.cruds patient/Consent.cruds', ['records-consent'])

/** As apps have written it that know of no parts. */
const bare = (version: string, words: string, ...parts: readonly Extension[]): Extension => ({
  url: extensions.patientText,
  extension: [
    { url: 'version', valueString: version },
    { url: 'text', valueAttachment: { contentType: 'text/plain', data: base64(words) } },
    ...parts,
  ],
})
const base64 = (words: string): string => Buffer.from(words).toString('base64')
const headed = 'About it\nWe ask you.'
const named = textParts.map(name => ({
  url: 'part',
  extension: [
    { url: 'language', valueCode: 'en' },
    { url: 'name', valueCode: name },
    { url: 'heading', valueString: 'About it' },
  ],
}))

const study = (id: string, status: string, ...texts: readonly Extension[]): Resource =>
  w.study(id, 'lab', [w.requests(heartRate), w.works('researcher', 'coordinator'), ...texts], status)
const consent = (
  id: string,
  patient: string,
  status: 'proposed' | 'active',
  words: string,
  start = '2026-02',
): Consent => ({
  ...w.consent(id, patient, status, [w.permit(heartRate, { dataPeriod: { start } })]),
  sourceAttachment: { hash: digestOf('sha1', base64(words)) },
})
const lacks = (version: string) =>
  new RegExp(
    `^ResearchStudy.extension\\[2\\]: Version ${version} of the patient text lacks in en: key-facts, .* contact\\. `,
  )
const unasked =
  /^Consent.source.hash: Version 1 of the patient text lacks in en: key-facts, .* contact\. Nobody is asked to sign/

await put(w.organization('lab'), w.role('researcher', 'lab', 'member'))
for (const one of people) await put(w.registered(one, 'lab'))

/** A study that was active with such a text before texts had to have parts; those who are named have signed it. */
const openOld = async (id: string, signed: readonly string[]): Promise<void> => {
  await put(study(id, 'closed-to-accrual', bare('1', headed)))
  for (const one of people) await put(w.enrols(id, one, 'candidate'))
  for (const one of signed) await put(consent(id, one, 'active', headed))
  await database.run(sql.fragment`
    UPDATE research_study SET content = jsonb_set(content, '{status}', '"active"') WHERE id = ${id}`)
}

t.test('an active study begins with no text that lacks a part', async t => {
  t.match(await update(importer, study('s', 'active', bare('1', 'We ask you.'))), lacks('1'))
  t.equal(
    await update(importer, study('s', 'in-review', bare('1', 'We ask you.'))),
    'created',
    'one in preparation may',
  )
  t.match(
    await update(importer, study('s', 'active', bare('1', 'We ask you.'))),
    lacks('1'),
    'nor becomes active with it',
  )
  t.equal(
    await update(importer, study('s', 'completed', bare('1', 'We ask you.'))),
    'updated',
    'nor is one that is over asked',
  )
  t.equal(await update(importer, study('s', 'active', w.patientText('1', 'We ask you.'))), 'updated')
  t.match(
    await update(importer, study('s', 'active', w.patientText('1', 'We ask you.'), bare('2', 'We ask you.'))),
    /^ResearchStudy.extension\[3\]: Version 2 of the patient text lacks in en: key-facts, /,
    'nor gets another version of that kind',
  )
  t.equal(
    await update(importer, study('s', 'active', bare('1', headed, ...named))),
    'updated',
    'its headings may be named',
  )
  t.match(await update(importer, study('s', 'active', bare('1', headed))), lacks('1'), 'nor loses what names them')
})

t.test('what an active study had before goes on, but nobody new is asked to sign it', async t => {
  await openOld('old', ['ann'])
  const active = (...texts: readonly Extension[]) =>
    update(importer, { ...study('old', 'active', ...texts), title: 'Old' } as Resource)
  t.equal(await active(bare('1', headed)), 'updated', 'the study can be changed')
  t.equal(
    await update(own('ann'), consent('old', 'ann', 'active', headed, '2026-03')),
    'updated',
    'who has signed narrows it',
  )
  t.equal(
    await update(own('ann'), w.signedAnew(consent('old', 'ann', 'active', headed))),
    'updated',
    'and widens it again',
  )
  t.match(await update(importer, consent('old', 'bob', 'proposed', headed)), unasked, 'staff propose it to nobody')
  const { sourceAttachment: _, ...unnamed } = consent('old', 'bob', 'proposed', headed)
  t.match(
    await update(importer, unnamed as Resource),
    /^Consent.source: Version 1 of the patient text lacks/,
    'not without naming it either',
  )
  t.match(await create(own('bob'), consent('old', 'bob', 'active', headed)), unasked, 'and nobody signs it')
  t.equal(await active(bare('1', headed, ...named)), 'updated', 'once its headings are named,')
  t.equal(await update(importer, consent('old', 'bob', 'proposed', headed)), 'created', 'it is proposed')
  t.equal(await update(own('bob'), consent('old', 'bob', 'active', headed)), 'updated', 'and signed')
  t.equal(
    await update(own('ann'), consent('old', 'ann', 'active', headed, '2026-04')),
    'updated',
    'by those who had as well',
  )
})

t.test('whoever was asked before may still answer', async t => {
  await openOld('asked', [])
  await database.run(
    sql.fragment`UPDATE research_study SET content = jsonb_set(content, '{status}', '"closed-to-accrual"') WHERE id = 'asked'`,
  )
  await put(consent('asked', 'cat', 'proposed', headed))
  await database.run(
    sql.fragment`UPDATE research_study SET content = jsonb_set(content, '{status}', '"active"') WHERE id = 'asked'`,
  )
  t.equal(await update(own('cat'), consent('asked', 'cat', 'active', headed)), 'updated')
})

t.test('a study that takes nobody new gets what was signed before, by whatever text', async t => {
  await put(study('over', 'closed-to-accrual', bare('1', headed)), w.enrols('over', 'dan', 'candidate'))
  const late = { ...consent('over', 'dan', 'proposed', headed), dateTime: new Date().toISOString() }
  t.match(await update(importer, late), unasked)
  t.equal(await update(importer, consent('over', 'dan', 'active', headed)), 'created')
})

t.test('all of it is as it was when everything is projected anew', async t => {
  await openOld('kept', ['ann', 'bob'])
  const permits = () =>
    database.any(
      sql.fragment`SELECT patient_id, grantee, kind_id, consent_id FROM study_group_observation_consents ORDER BY consent_id, patient_id`,
    )
  const before = await permits()
  await world.deriveAnew()
  t.same(await permits(), before)
})
