import type { Attachment, Consent, Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { digestOf } from '../../../src/fhir/attachment-digest.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { isSignedEarlier, isUnfinished, withdrawalSigned } from '../../../src/studies/consent/patient-text.ts'
import { wholeTextIn } from '../../support/patient-text.ts'

const version = (withdrawal: string, ...texts: readonly Attachment[]): Extension => ({
  url: extensions.patientText,
  extension: [
    { url: 'withdrawal', valueCode: withdrawal },
    ...texts.map(valueAttachment => ({ url: 'text', valueAttachment })),
  ],
})
const studyWith = (...extension: readonly Extension[]): ResearchStudy => ({
  resourceType: 'ResearchStudy',
  status: 'active',
  extension: [...extension],
})
const answer = (status: Consent['status'], { data = '' }: Attachment): Consent => ({
  resourceType: 'Consent',
  status,
  scope: { text: 'sharing' },
  category: [],
  sourceAttachment: { hash: digestOf('sha1', data) },
})

const early = wholeTextIn('en', 'Early.')
const [english, spanish] = [wholeTextIn('en', 'Now.'), wholeTextIn('es', 'Ahora.')]
const bare: Attachment = { contentType: 'text/plain', language: 'en', data: Buffer.from('Bare.').toString('base64') }
const whole = studyWith(version('keep', early), version('erase', english, spanish))
const unfinished = studyWith(version('keep', early), version('erase', bare))

t.test('the text to sign now is signed in whichever of its languages, and any other one is an earlier one', async t => {
  const signed = [english, spanish, early].map(text => answer('active', text))
  t.strictSame(
    signed.map(consent => isSignedEarlier({ study: whole, consent })),
    [false, false, true],
  )
})

t.test(
  'a text that lacks a part is for those alone who signed it, or were asked to, before texts had to be whole',
  async t => {
    const answers = {
      nobody: undefined,
      signed: answer('active', bare),
      'signed another': answer('active', early),
      asked: answer('proposed', bare),
      ended: answer('inactive', bare),
      refused: answer('rejected', bare),
    }
    const of = (study: ResearchStudy) =>
      Object.entries(answers).flatMap(([who, consent]) => (isUnfinished({ study, consent }) ? who : []))
    t.strictSame(of(unfinished), ['nobody', 'signed another', 'ended', 'refused'])
    t.strictSame(of(whole), [])
  },
)

t.test('what a withdrawal does is said by the text that was signed, as long as it is in force', async t => {
  const answers = [
    answer('active', early),
    answer('active', spanish),
    answer('inactive', early),
    answer('active', bare),
  ]
  t.strictSame(
    answers.map(consent => withdrawalSigned({ study: whole, consent })),
    ['keep', 'erase', undefined, undefined],
  )
})
