import type { Consent, Extension, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { FhirError } from '../../../src/fhir/error.ts'
import { wholeTextData } from '../../support/patient-text.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const words = 'We ask for your heart rate.'
const changed = 'We ask for your heart rate, at night as well.'

const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf } = world

/** The outcome, or why it was refused and where. */
const update = async (caller: Caller, resource: Resource): Promise<string> => {
  const [written] = await storeOf(caller).write([{ kind: 'update', id: resource.id ?? '', resource }])
  if (written?.outcome !== 'refused') return written?.outcome ?? 'nothing'
  t.ok(written.error instanceof FhirError && written.error.status === 422)
  return `${written.error.issues[0].expression}: ${written.error.issues[0].message}`
}
const importer = w.client('importer', { policies: ['everything'] })
const ann = w.patient('ann', 'patient/*.cruds patient/Consent.cruds', ['records-consent'])

const study = (...texts: readonly Extension[]): Resource => w.study('s', 'lab', [w.requests(heartRate), ...texts])
const first = w.patientText('1', words)
const second = w.patientText('2', changed, 'keep')

await put(w.organization('lab'), w.registered('ann', 'lab'), study(first), w.enrols('s', 'ann'))

const consent = (status: NonNullable<Consent['status']>, source: Partial<Consent>, start = '2026'): Consent => {
  const { sourceAttachment: _, ...rest } = w.consent('s', 'ann', status, [
    w.permit(heartRate, { dataPeriod: { start } }),
  ])
  return { ...rest, ...source }
}
const signed = (text: string) => ({ sourceAttachment: w.sourceOf(text) })
const current = (version: string, text: string) =>
  `Its text is version ${version}, with the hash ${w.sourceOf(text).hash}`

t.test('a text is a version with its words, and neither occurs twice', async t => {
  const at = 'ResearchStudy.extension'
  const part = (url: string) => first.extension?.filter(one => one.url === url) ?? []
  const without = (url: string): Extension => ({
    ...first,
    extension: first.extension?.filter(one => one.url !== url) ?? [],
  })
  const attached = (valueAttachment: object): Extension => ({
    ...first,
    extension: [...part('version'), { url: 'text', valueAttachment }],
  })
  const versions = 'Each version of the patient text has a version, and no two have the same'
  for (const [texts, why] of [
    [[without('version')], `${at}[1]: ${versions}`],
    [[first, w.patientText('1', changed)], `${at}[2]: ${versions}`],
    [[first, w.patientText('2', words)], `${at}: The same text stands twice: another version has other words`],
    [[without('text')], `${at}[1]: A version of the patient text has its text as an Attachment`],
    [
      [attached({ url: 'https://x.example' })],
      `${at}[1]: The patient text stands in Attachment.data: what a url answers may change`,
    ],
    [
      [attached({ data: 'eA==', hash: 'eA==' })],
      `${at}[1]: Attachment.hash is the SHA-1 of the data in base64, and that is EfatjsUqKYSrqv18O1FlA3hcIHI=`,
    ],
    [
      [w.patientText('1', words, 'forget' as 'hide')],
      `${at}[1]: What a withdrawal does is hide, keep, erase; forget is none of them`,
    ],
  ] as const)
    t.equal(await update(importer, study(...texts)), why)
  const whole = { data: wholeTextData(changed), hash: w.sourceOf(changed).hash }
  t.equal(await update(importer, study(attached(whole))), 'updated')
  t.equal(await update(importer, study(first)), 'updated', 'what no Consent names can change')
})

t.test('nobody signs without saying which text they read', async t => {
  await put(consent('proposed', {}))
  t.equal(
    await update(ann, consent('active', {})),
    `Consent.source: Whoever signs says by sourceAttachment.hash which text of the study they read. ${current('1', words)}`,
  )
  t.equal(
    await update(ann, consent('active', signed(changed))),
    `Consent.source.hash: The study holds no text with this hash. ${current('1', words)}`,
  )
  t.equal(
    await update(importer, consent('proposed', signed(changed))),
    `Consent.source.hash: The study holds no text with this hash. ${current('1', words)}`,
    'nor is one asked for by another text',
  )
  t.equal(
    await update(ann, consent('active', { sourceReference: { reference: 'DocumentReference/x/_history/1' } })),
    `Consent.source: A Consent to a study names its text by sourceAttachment.hash. ${current('1', words)}`,
  )
  t.equal(
    await update(ann, consent('active', { sourceAttachment: { ...w.sourceOf(words), data: 'eA==' } })),
    `Consent.source.hash: The hash is not that of the data. ${current('1', words)}`,
  )
})

t.test('it is signed by its hash, or by the words themselves', async t => {
  t.equal(await update(ann, consent('active', signed(words))), 'updated')
  const data = wholeTextData(words)
  t.equal(await update(ann, consent('active', { sourceAttachment: { data } })), 'updated')
})

t.test('a text that was signed cannot change', async t => {
  const stays =
    'ResearchStudy.extension: Consents name version 1 of the patient text: it stays as it is, and a change is a new version. Only who receives may be said later, of those who are its staff already'
  t.equal(await update(importer, study(w.patientText('1', changed))), stays)
  t.equal(await update(importer, study(w.patientText('1', words, 'keep'))), stays, 'nor what it promises')
  t.equal(await update(importer, study(second)), stays)
  t.equal(await update(importer, study(first, second)), 'updated')
})

t.test('under a text that has changed a consent is kept or narrowed, never widened or given anew', async t => {
  t.equal(await update(ann, consent('active', signed(words), '2026-02')), 'updated', 'narrower')
  t.equal(
    await update(ann, consent('active', signed(words), '2025')),
    `Consent.source.hash: More than before is not given under version 1 of the text. ${current('2', changed)}`,
  )
  const giving = (start: string, ...recipients: readonly string[]): Consent => ({
    ...consent('active', signed(words), start),
    provision: {
      type: 'deny',
      provision: [
        w.permit(heartRate, {
          dataPeriod: { start },
          actor: recipients.map(id => ({
            role: { coding: [{ code: 'IRCP' }] },
            reference: { reference: `Organization/${id}` },
          })),
        }),
      ],
    },
  })
  t.equal(await update(ann, giving('2026-03', 'lab')), 'updated', 'the same recipients as before can be named')
  t.equal(await update(ann, consent('active', signed(words), '2026-04')), 'updated', 'or left out again')
  t.equal(await update(ann, giving('2026-04', 'elsewhere')), 'updated', 'it gives the study nothing any more')
  t.equal(
    await update(ann, giving('2026-04', 'lab')),
    `Consent.source.hash: More than before is not given under version 1 of the text. ${current('2', changed)}`,
  )
  t.equal(await update(ann, consent('active', signed(changed), '2025')), 'updated', 'the new text, newly read')
  t.equal(
    await update(ann, consent('active', signed(words), '2025')),
    `Consent.source.hash: Version 1 of the text is not signed any more. ${current('2', changed)}`,
    'and not back',
  )
  t.equal(await update(ann, consent('inactive', {})), 'updated', 'ending needs no text')
  t.equal(
    await update(importer, study(first)),
    `ResearchStudy.extension: Consents name version 2 of the patient text: it stays as it is, and a change is a new version. Only who receives may be said later, of those who are its staff already`,
    'nor is it forgotten then',
  )
})

t.test('what was deleted is given again only under the text that is signed now', async t => {
  const own = w.patient('bea', 'patient/*.cruds patient/Consent.cruds', ['records-consent'])
  const given = (text: string, dateTime = new Date().toISOString()): Consent => ({
    ...w.consent('again', 'bea', 'active', [w.permit(heartRate, { dataPeriod: { start: '2026' } })]),
    ...signed(text),
    dateTime,
  })
  const again = (...texts: readonly Extension[]): Resource => w.study('again', 'lab', [w.requests(heartRate), ...texts])
  await put(w.registered('bea', 'lab'), again(first), w.enrols('again', 'bea'), given(words, '2026-01-01'))
  await put(again(first, second))
  await storeOf(own).write([{ kind: 'delete', type: 'Consent', id: given(words).id ?? '' }])
  t.equal(
    await update(importer, given(words)),
    `Consent.source.hash: Version 1 of the text is not signed any more. ${current('2', changed)}`,
  )
  t.equal(await update(importer, given(changed)), 'created')
})

t.test('a study without a text cannot be consented to', async t => {
  const { sourceAttachment: source, ...asked } = w.consent('bare', 'ann', 'proposed', [w.permit(heartRate)])
  await put(
    { ...w.study('bare', 'lab', []), extension: [w.requests(heartRate)] } as Resource,
    w.enrols('bare', 'ann'),
    asked as Resource,
  )
  t.equal(
    await update(ann, { ...asked, status: 'active', sourceAttachment: source } as Resource),
    'Consent.source.hash: The study holds no text with this hash. It has no patient text yet: its ResearchStudy gets one by the extension patient-text',
  )
})
