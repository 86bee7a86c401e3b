import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import { kindOfType } from '../../../src/access/shared-type.ts'
import { standardExtensions } from '../../../src/fhir/canonical.ts'
import { FhirError } from '../../../src/fhir/error.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { endedByJoining } from '../../../src/storage/model/consent/left-consents.ts'
import type { Write } from '../../../src/storage/store.ts'
import {
  type Choice,
  declineConsent,
  permitsOfLine,
  signConsent,
  signingOf,
} from '../../../src/studies/consent/own-consent.ts'
import type { AskedLine, StudyAsked } from '../../../src/studies/consent/own-study.ts'
import { requestedData } from '../../../src/studies/definition/requested-data.ts'
import * as w from '../../storage/model/world.ts'
import { wrongShape } from '../../support/consent-shape.ts'

const study = w.study('sleep', 'lab', [
  w.requests('omh:heart-rate', 'watch'),
  w.requests('omh:heart-rate'),
  w.requestsType('Condition'),
  w.requestsType('RelatedPerson'),
]) as StudyAsked['study']
const lines = requestedData(study, openCodeClasses()) as readonly AskedLine[]
const [ofWatch, ofAny, conditions, related] = lines as [AskedLine, AskedLine, AskedLine, AskedLine]

/** A study as a patient is asked about it, and what is written of their answer. */
const asking = (consent?: Consent) => {
  const written: Write[] = []
  const store = {
    write: async (writes: readonly Write[]) => {
      written.push(...writes)
      return [{ outcome: 'created', id: 'new', versionId: '1' }]
    },
  }
  const asked = {
    study,
    record: { patient: 'ann', store },
    organization: { id: 'lab', name: 'Lab' },
    text: { attachment: { contentType: 'text/plain', language: 'en', title: 'Sleep' }, hash: 'of-the-text' },
    consent,
  } as unknown as StudyAsked
  return { asked, written }
}
const choice = (line: AskedLine, more: Partial<Choice> = {}): Choice => ({
  line,
  shares: true,
  from: '',
  until: '',
  ...more,
})
const signing = { hash: 'of-what-was-shown', language: 'es', name: 'Ann' }
const context = {
  url: standardExtensions.consentResearchStudyContext,
  valueReference: { reference: 'ResearchStudy/sleep' },
}
const signed = (choices: readonly Choice[], before?: Consent) => signingOf(asking(before).asked, choices, signing)
const standing = (status: NonNullable<Consent['status']>): Consent => ({
  ...w.consent('sleep', 'ann-elsewhere', status, [w.permit('omh:heart-rate')]),
  id: 'given',
  meta: { versionId: '7' },
})
type Stored = Write & { readonly resource: Consent }

t.test(
  'what is signed is what was chosen, under the text that was shown, for the patient and the study alone',
  async t => {
    const write = signed([
      choice(ofWatch, { from: '2026-01-01', until: '2026-03-31' }),
      choice(ofAny, { shares: false }),
      choice(conditions),
    ]) as Stored
    const { dateTime, provision, ...consent } = write.resource
    t.strictSame({ ...write, resource: undefined }, { kind: 'create', resource: undefined, signedAs: 'Ann' })
    t.match(consent, {
      resourceType: 'Consent',
      status: /^active$/,
      language: 'es',
      patient: { reference: /^Patient\/ann$/ },
      scope: { coding: [{ code: 'research' }] },
      policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
      sourceAttachment: { contentType: 'text/plain', language: 'en', title: 'Sleep', hash: 'of-what-was-shown' },
    })
    t.strictSame([consent.extension, provision?.extension], [undefined, [context]])
    t.same(await wrongShape(write.resource), [], 'it has the shape that is published')
    t.ok(Math.abs(Date.parse(dateTime ?? '') - Date.now()) < 60_000)
    t.equal(provision?.type, 'deny')
    const permit = {
      type: 'permit',
      actor: [{ reference: { reference: 'Organization/lab' } }],
      action: [{ coding: [{ code: 'access' }] }],
      purpose: [{ code: 'HRESCH' }],
    }
    t.equal(provision?.provision?.length, 2)
    t.match(provision?.provision, [
      {
        ...permit,
        code: [w.kind('omh:heart-rate')],
        data: [{ meaning: 'instance', reference: { reference: 'Device/watch' } }],
        dataPeriod: { start: /^2026-01-01$/, end: /^2026-03-31$/ },
      },
      { ...permit, class: [{ code: 'Condition' }] },
    ])
    t.equal(conditions.kind, kindOfType('Condition'))
  },
)

t.test('a line for which nothing else was chosen begins at the signing, has no end, and is of any source', async t => {
  const { dateTime, provision } = (signed([choice(ofAny)]) as Stored).resource
  const [permit] = provision?.provision ?? []
  t.strictSame(permit?.dataPeriod, { start: dateTime })
  t.strictSame([permit?.data, permit?.class], [undefined, undefined])
  const timeless = (signed([choice(related, { from: '2026-01-01' })]) as Stored).resource.provision?.provision
  t.strictSame([timeless?.length, timeless?.[0]?.dataPeriod], [1, undefined], 'a type without a time has no period')
})

t.test(
  'it replaces exactly what stands, which stays with the record by which it was given, and nothing else',
  async t => {
    for (const status of ['proposed', 'active'] as const) {
      const write = signed([choice(ofAny)], standing(status)) as Stored
      t.match(write, { kind: 'update', id: 'given', ifMatch: '7', signedAs: 'Ann', resource: { id: 'given' } }, status)
      t.strictSame(write.resource.patient, { reference: 'Patient/ann-elsewhere' }, status)
    }
    for (const status of ['rejected', 'inactive'] as const) {
      const write = signed([choice(ofAny)], standing(status)) as Stored
      t.equal(write.kind, 'create', status)
      t.strictSame([write.resource.id, write.resource.patient], [undefined, { reference: 'Patient/ann' }], status)
    }
    t.notOk('signedAs' in signingOf(asking().asked, [], { hash: 'h', language: 'en' }), 'as long as nothing is signed')
  },
)

t.test(
  'nothing is signed if the study was written since it was shown, or another answer was given meanwhile',
  async t => {
    type Meanwhile = { readonly version?: string; readonly refused?: Error; readonly answers?: readonly Consent[] }
    const sign = async ({ version = '3', refused, answers = [] }: Meanwhile) => {
      const { asked, written } = asking()
      const store = {
        ...asked.record.store,
        write: async (writes: readonly Write[]) =>
          refused === undefined ? asked.record.store.write(writes) : [{ outcome: 'refused', error: refused }],
      }
      const connection = { maybeOne: async () => ({ version }) }
      const within = { ...asked.record, store, find: async () => answers }
      const atomic = (run: (...parts: unknown[]) => Promise<unknown>) => run(within, connection)
      const record = { ...asked.record, atomic }
      const shown = { ...study, meta: { versionId: '3' } }
      const answer = await signConsent({ ...asked, study: shown, record } as unknown as StudyAsked, [], signing)
      return [answer, written.length]
    }
    t.strictSame(await sign({}), ['signed', 1])
    t.strictSame((await sign({ version: '4' }))[0], 'changed')
    for (const code of ['conflict', 'duplicate'] as const)
      t.strictSame(await sign({ refused: new FhirError(code, 'meanwhile') }), ['overtaken', 0], code)
    t.strictSame((await sign({ answers: [standing('rejected')] }))[0], 'overtaken')
    t.strictSame((await sign({ answers: [{ ...standing('active'), id: 'new' }] }))[0], 'signed', 'its own')
    const earlier = new FhirError('business-rule', 'The patient said no since', { expression: 'Consent.dateTime' })
    t.strictSame(await sign({ refused: earlier }), ['overtaken', 0])
    const refused = new FhirError('business-rule', 'The text has changed')
    await t.rejects(sign({ refused }), refused)
  },
)

t.test('who says no ends what they give, refuses what is asked, and says it once', async t => {
  const declined = async (before?: Consent) => {
    const { asked, written } = asking(before)
    await declineConsent(asked)
    return written as readonly Stored[]
  }
  const [ended] = await declined(standing('active'))
  t.match(ended, { kind: 'update', id: 'given', ifMatch: '7' })
  t.strictSame(ended?.resource, { ...standing('active'), status: 'inactive' })
  t.match(await declined(standing('proposed')), [{ kind: 'update', id: 'given', resource: { status: 'rejected' } }])
  const [refused, ...more] = await declined()
  t.has(refused, { kind: 'create', resource: { status: 'rejected', patient: { reference: 'Patient/ann' } } })
  t.strictSame([refused?.resource.provision, more], [{ extension: [context], type: 'deny' }, []])
  for (const status of ['rejected', 'inactive'] as const) t.strictSame(await declined(standing(status)), [], status)
  t.match(
    await declined(endedByJoining(standing('active'), 'left')),
    [{ kind: 'create', resource: { status: 'rejected' } }],
    'nobody has said no to what ended as records were joined',
  )
})

t.test('the permits for a line are those of its kind and source, or of each source if it names none', async t => {
  const { resource } = signed([choice(ofWatch), choice(conditions)]) as Stored
  const [watch, ofType] = resource.provision?.provision ?? []
  const { source } = ofWatch
  t.strictSame(permitsOfLine(resource, ofWatch), [{ permit: watch, source }])
  t.strictSame(permitsOfLine(resource, conditions), [{ permit: ofType, source: undefined }])
  t.strictSame(permitsOfLine(resource, ofAny), [{ permit: watch, source }])
  t.strictSame(permitsOfLine(resource, { ...ofWatch, source: 'another' }), [])
  t.strictSame(permitsOfLine(undefined, ofWatch), [])
  const denied: Consent = { ...resource, provision: { provision: [{ ...watch, type: 'deny' }] } }
  t.strictSame(permitsOfLine(denied, ofWatch), [])
})
