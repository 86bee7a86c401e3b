import type { Extension, Resource, ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf, see } = world
const importer = storeOf(w.client('importer', { policies: ['everything'] }))

const text = (version: string, words: string, ...recipients: readonly string[]): Extension => {
  const { extension = [], ...text } = w.patientText(version, words)
  const named = recipients.map(reference => ({ url: 'recipient', valueReference: { reference } }))
  return { ...text, extension: [...extension, ...named] }
}
const lab = 'Organization/lab'
const [early, late] = [w.works('early', 'collaborator'), w.works('late', 'collaborator')]
const study = (...extension: readonly Extension[]) =>
  w.study('s', 'lab', [w.requests(heartRate), w.chooses('identity', 'identified'), ...extension])
/** Undefined if it was written, else why not. */
const refusalOf = async (resource: Resource): Promise<string | undefined> => {
  const [written] = await importer.write([{ kind: 'update', id: resource.id ?? '', resource }])
  if (written?.outcome !== 'refused') return undefined
  t.equal(written.error.status, 422)
  return written.error.message
}
const signs = (patient: string, words: string, status: 'active' | 'inactive' = 'active') =>
  put({ ...w.consent('s', patient, status, [w.permit(heartRate)]), sourceAttachment: w.sourceOf(words) } as Resource)

const types: readonly ResourceType[] = ['Observation', 'Patient', 'ResearchSubject', 'Consent']
/** The patients of whom the practitioner sees anything, one item for each type. */
const sees = async (practitioner: string) => {
  const store = storeOf(w.staff(practitioner))
  const seen = []
  for (const type of types)
    seen.push((await see(store, type)).map(id => patients.find(name => id.includes(name))).join(' '))
  return seen
}
const patients = ['ann', 'bob', 'cat', 'dan']
const nothing = ['', '', '', '']
const first = 'We ask you to share your data.'
const second = 'The clinic receives it as well.'

await put(w.organization('lab'), w.organization('clinic'), w.role('member', 'lab', 'viewer'))
await put(w.role('early', 'clinic', 'viewer'), w.role('late', 'clinic', 'viewer'))
await put(...patients.map(id => w.registered(id, 'lab')))
await put(study(text('1', first), early))
await put(w.organization('elsewhere'), w.role('stranger', 'elsewhere', 'viewer'))
await put(w.study('elsewhere', 'elsewhere', [w.requests(heartRate), w.chooses('identity', 'identified')]))
for (const id of patients) await put(w.enrols('s', id), w.measured(`heart-${id}`, id, heartRate))
for (const id of ['ann', 'bob', 'dan']) await signs(id, first)
await signs('dan', first, 'inactive')

t.test('a text without recipients gives to nobody who joins later', async t => {
  t.match(await refusalOf(study(text('1', first), early, late)), /once each version .* has its recipients/)
  t.strictSame(await sees('early'), ['ann bob', 'ann bob', 'ann bob cat dan', 'ann bob dan'])
})

t.test('recipients are added to a signed text later only if they are staff already', async t => {
  t.match(
    await refusalOf(study(text('1', first, lab, 'Practitioner/late'), early)),
    /Only who receives may be said later/,
  )
  t.match(await refusalOf(study(text('1', first, 'Organization/clinic'), early)), /A recipient is the organization/)
  t.equal(await refusalOf(study(text('1', first, lab, 'Practitioner/early'), early)), undefined)
  t.match(await refusalOf(study(text('1', first), early)), /stays as it is/)
  t.strictSame(await sees('early'), ['ann bob', 'ann bob', 'ann bob', 'ann bob'], 'only of those who give it')
  t.strictSame(await sees('member'), ['ann bob', 'ann bob cat dan', 'ann bob cat dan', 'ann bob dan'])
})

t.test('a new recipient sees nothing of anybody who has not signed a text that names them', async t => {
  t.equal(await refusalOf(study(text('1', first, lab, 'Practitioner/early'), early, late)), undefined)
  t.strictSame(await sees('late'), nothing)
  const both = [lab, 'Practitioner/early', 'Practitioner/late']
  t.match(
    await refusalOf(study(text('1', first, lab, 'Practitioner/early'), text('2', second), early, late)),
    /so each later one does/,
  )
  await put(study(text('1', first, lab, 'Practitioner/early'), text('2', second, ...both), early, late))
  t.strictSame(await sees('late'), nothing, 'they are asked, and have not answered yet')
  await signs('bob', second)
  t.strictSame(await sees('late'), ['bob', 'bob', 'bob', 'bob'])
  t.strictSame(await sees('stranger'), nothing, 'nor does anybody of another study')
  t.strictSame(await sees('early'), ['ann bob', 'ann bob', 'ann bob', 'ann bob'], 'until then the old terms hold')
  const unknown = await storeOf(w.staff('late'))
    .read('Observation', 'heart-ann')
    .catch(error => error.status)
  t.equal(unknown, 404)
})

t.test('what a recipient may see ends with the text, the consent and their place in the study', async t => {
  const texts = [
    text('1', first, lab, 'Practitioner/early'),
    text('2', second, lab, 'Practitioner/early', 'Practitioner/late'),
  ]
  const third = 'The clinic receives no more.'
  await put(study(...texts, text('3', third, lab), early, late))
  await signs('bob', third)
  t.strictSame(await sees('late'), nothing)
  t.strictSame(await sees('early'), ['ann', 'ann', 'ann', 'ann'])
  await put(study(...texts, text('3', third, lab), late))
  t.strictSame(await sees('early'), nothing, 'no longer staff')
  t.strictSame(await sees('member'), ['ann bob', 'ann bob cat dan', 'ann bob cat dan', 'ann bob dan'])
})

t.test('a recipient reads what they may keep, but not who the person is who has signed anew without them', async t => {
  const keeping = (version: string, words: string, ...recipients: readonly string[]): Extension => {
    const { extension = [], ...others } = text(version, words, ...recipients)
    return { ...others, extension: [...extension, { url: 'withdrawal', valueCode: 'keep' }] }
  }
  const [named, unnamed] = ['The clinic receives it, and keeps it.', 'Only we receive it, and keep it.']
  const texts = [keeping('1', named, lab, 'Practitioner/keeper'), keeping('2', unnamed, lab)] as const
  const offered = (...texts: readonly Extension[]) => {
    const works = w.works('keeper', 'collaborator')
    return w.study('anew', 'lab', [w.requests(heartRate), w.chooses('identity', 'identified'), ...texts, works])
  }
  const consent = (id: string, words: string, status: 'active' | 'inactive') =>
    put({
      ...w.signedAnew(w.consent('anew', 'cat', status, [w.permit(heartRate)])),
      id,
      sourceAttachment: w.sourceOf(words),
    })
  await put(w.role('keeper', 'clinic', 'viewer'), offered(texts[0]), w.enrols('anew', 'cat'))
  await consent('anew-1', named, 'active')
  t.strictSame((await sees('keeper')).slice(0, 2), ['cat', 'cat'])
  await consent('anew-1', named, 'inactive')
  await put(offered(...texts))
  await consent('anew-2', unnamed, 'active')
  t.strictSame((await sees('keeper')).slice(0, 2), ['cat', ''])
})

t.test('signing while the text gets its recipients gives to these only', async t => {
  await put(w.study('t', 'lab', [w.requests(heartRate), text('1', first), early]), w.enrols('t', 'cat'))
  const closing = importer.write([
    { kind: 'update', id: 't', resource: w.study('t', 'lab', [w.requests(heartRate), text('1', first, lab), early]) },
  ])
  await Promise.all([closing, put(w.consent('t', 'cat', 'active', [w.permit(heartRate)]))])
  t.match((await sees('early'))[0], /^$/)
  const { open } = await world.database.one<{ open: string }>(sql.fragment`
    SELECT count(*) AS open FROM study_group_observation_consents AS permit
    JOIN study ON study.grantee = permit.grantee WHERE study.id = 't'`)
  t.equal(open, '0')
})

t.test('whom the text of one study does not name still sees everybody in another whose text names nobody', async t => {
  await put(w.study('plain', 'lab', [w.requests(heartRate), late]), w.enrols('plain', 'dan'))
  t.strictSame(await see(storeOf(w.staff('late')), 'ResearchSubject'), ['plain-dan'])
})

t.test(
  'what a text lets a study keep is kept by its recipients alone, even if the end of the Consent names no text',
  async t => {
    const { extension = [], ...kept } = text('1', first, lab, 'Practitioner/early')
    const keeping = { ...kept, extension: [...extension, { url: 'withdrawal', valueCode: 'keep' }] }
    await put(w.study('k', 'lab', [w.requests(heartRate), keeping, early, late]), w.registered('eve', 'lab'))
    await put(w.enrols('k', 'eve'), w.measured('heart-eve', 'eve', heartRate))
    const { sourceAttachment: _, ...given } = w.consent('k', 'eve', 'active', [w.permit(heartRate)])
    await put({ ...given, sourceAttachment: w.sourceOf(first) } as Resource)
    const seenBy = (practitioner: string) => see(storeOf(w.staff(practitioner)), 'Observation', 'patient=eve')
    const all = async () => [await seenBy('early'), await seenBy('late'), await seenBy('member')]
    t.strictSame(await all(), [['heart-eve'], [], ['heart-eve']])
    await put({ ...given, status: 'inactive' } as Resource)
    t.strictSame(await all(), [['heart-eve'], [], ['heart-eve']])
  },
)

t.test('a text that names its readers later closes to all whom it does not name', async t => {
  const asking = (...texts: readonly Extension[]) => w.study('u', 'lab', [w.requests(heartRate), ...texts, early, late])
  const other = text('2', second, lab, 'Practitioner/late')
  await put(asking(text('1', first)), w.registered('fay', 'lab'))
  await put(w.enrols('u', 'fay'), w.measured('heart-fay', 'fay', heartRate))
  await put({
    ...w.consent('u', 'fay', 'active', [w.permit(heartRate)]),
    sourceAttachment: w.sourceOf(first),
  } as Resource)
  const seenBy = (practitioner: string) => see(storeOf(w.staff(practitioner)), 'Observation', 'patient=fay')
  const all = async () => [await seenBy('early'), await seenBy('late'), await seenBy('member')]
  await put(asking(text('1', first), other))
  t.strictSame(await all(), [['heart-fay'], ['heart-fay'], ['heart-fay']])
  await put(asking(text('1', first, lab, 'Practitioner/early'), other))
  t.strictSame(await all(), [['heart-fay'], [], ['heart-fay']], 'another text names them, which was not signed')
})

t.test('whose place in the study has ended is not added to a text that was signed', async t => {
  const over = w.works('late', 'collaborator', '2020-01-01')
  const asking = (signed: Extension) => w.study('v', 'lab', [w.requests(heartRate), signed, early, over])
  await put(asking(text('1', first)), w.enrols('v', 'ann'))
  await put({
    ...w.consent('v', 'ann', 'active', [w.permit(heartRate)]),
    sourceAttachment: w.sourceOf(first),
  } as Resource)
  t.match(
    await refusalOf(asking(text('1', first, lab, 'Practitioner/early', 'Practitioner/late'))),
    /Only who receives may be said later, of those who are its staff already/,
  )
  t.equal(await refusalOf(asking(text('1', first, lab, 'Practitioner/early'))), undefined)
})
