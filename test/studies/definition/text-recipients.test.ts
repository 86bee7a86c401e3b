import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { leavesRecipients, recipientsIn, withRecipients } from '../../../src/studies/definition/text-recipients.ts'

const text = (version: string, ...recipients: readonly string[]): Extension => ({
  url: extensions.patientText,
  extension: [
    { url: 'version', valueString: version },
    ...recipients.map(reference => ({ url: 'recipient', valueReference: { reference } })),
  ],
})
const study = (...extension: Extension[]): ResearchStudy => ({
  resourceType: 'ResearchStudy',
  status: 'active',
  sponsor: { reference: 'Organization/lab' },
  extension,
})
const draft: Extension = { url: extensions.patientTextDraft }
const earlier = text('1', 'Organization/lab', 'Practitioner/ann')
const later = text('2', 'Organization/lab', 'Practitioner/bob', 'Practitioner/cy')

t.test(
  'the recipients from elsewhere are those of the last version, and it leaves them to the study if it names none',
  async t => {
    t.strictSame(
      [
        study(),
        study(text('1')),
        study(text('1', 'Organization/lab')),
        study(earlier, later, draft),
        study(later, earlier),
        study(earlier, text('2')),
      ].map(recipientsIn),
      [undefined, undefined, [], ['bob', 'cy'], ['ann'], undefined],
    )
  },
)

t.test('a study leaves recipients to itself if any version does', async t => {
  const studies = [study(draft), study(earlier, later), study(text('1'), later), study(earlier, text('2'))]
  t.strictSame(studies.map(leavesRecipients), [false, false, true, true])
})

t.test('a version that names its recipients keeps them, and the others get those that are given', async t => {
  t.strictSame(
    withRecipients(study(text('0'), earlier, draft), ['dan']),
    study(text('0', 'Organization/lab', 'Practitioner/dan'), earlier, draft),
  )
})
