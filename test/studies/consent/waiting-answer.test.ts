import type { Consent, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { digestOf } from '../../../src/fhir/attachment-digest.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { waitsForAnswer } from '../../../src/studies/consent/waiting-answer.ts'
import { wholeTextIn } from '../../support/patient-text.ts'

const text = wholeTextIn('en', 'Now.')
const study: ResearchStudy = {
  resourceType: 'ResearchStudy',
  status: 'active',
  extension: [{ url: extensions.patientText, extension: [{ url: 'text', valueAttachment: text }] }],
}
const consent = (status: Consent['status'], { data = '' } = text): Consent => ({
  resourceType: 'Consent',
  status,
  scope: { text: 'sharing' },
  category: [],
  sourceAttachment: { hash: digestOf('sha1', data) },
})
const asked = {
  study,
  consent: undefined,
  deleted: undefined,
  paperSince: undefined,
  isEnrolled: true,
  isToCome: false,
  isInForce: true,
  isClosed: false,
  isUnfinished: false,
}
const waits = (...answers: readonly Partial<Parameters<typeof waitsForAnswer>[0]>[]): readonly boolean[] =>
  answers.map(one => waitsForAnswer({ ...asked, ...one }))

t.test('whoever has not answered has an answer to give, and so has whoever signed another text', async t => {
  const earlier = consent('active', wholeTextIn('en', 'Early.'))
  t.strictSame(waits({}, { consent: consent('proposed') }, { consent: earlier }), [true, true, true])
})

t.test('whoever has signed this text, has ended or refused it, or deleted that, is asked nothing', async t => {
  const answers = (['active', 'inactive', 'rejected'] as const).map(status => ({ consent: consent(status) }))
  t.strictSame(waits(...answers, { deleted: 'inactive' }, { deleted: 'rejected' }), Array(5).fill(false))
})

const withhold = {
  'a consent on paper waits': { paperSince: new Date() },
  'their place is over': { isEnrolled: false },
  'the study does not run': { isInForce: false },
  'the study takes nobody new': { isClosed: true },
  'the text lacks a part': { isUnfinished: true },
}
for (const [why, one] of Object.entries(withhold))
  t.test(`nobody is asked while ${why}, whatever they have answered`, async t => {
    const earlier = consent('active', wholeTextIn('en', 'Early.'))
    t.strictSame(waits(one, { ...one, consent: consent('proposed') }, { ...one, consent: earlier }), [
      false,
      false,
      false,
    ])
  })
