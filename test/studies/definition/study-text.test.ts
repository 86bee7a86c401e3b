import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { textParts } from '../../../src/access/text-parts.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { withRequest } from '../../../src/studies/definition/study-request.ts'
import {
  draftAfter,
  draftOf,
  missingInDraft,
  type TextDraft,
  unnamedRequests,
  versionsOf,
  withDraft,
  withPublished,
} from '../../../src/studies/definition/study-text.ts'
import { textLanguages } from '../../../src/studies/definition/text-part.ts'

const classes = openCodeClasses()
const empty: ResearchStudy = { resourceType: 'ResearchStudy', status: 'in-review' }
const asking = (study: ResearchStudy, kind: string) =>
  withRequest(study, { kind, source: undefined, reason: 'x', translations: [] }, classes)
const study = asking(empty, 'omh:heart-rate')
const words = (text: string) =>
  Object.fromEntries(textParts.map(part => [part, text && `${text} ${part}`])) as TextDraft['words']['en']
/** In each language of the server, with nothing written in those that are not named. */
const inAll = (written: TextDraft['words']): TextDraft['words'] => ({
  ...Object.fromEntries(textLanguages.map(language => [language, words('')])),
  ...written,
})
const draft: TextDraft = { withdrawal: 'hide', words: inAll({ en: words('About') }) }

t.test('a draft is what was written, and nothing of it is left once it is published', async t => {
  t.same(draftOf(withDraft(study, draft)), draft)
  t.same(draftOf(withDraft(withDraft(study, draft), { ...draft, withdrawal: 'keep' })), {
    ...draft,
    withdrawal: 'keep',
  })
  t.equal(draftOf(withPublished(withDraft(study, draft), draft, classes)), undefined)
  t.same(withDraft(study, { withdrawal: '', words: inAll({}) }), study, 'of nothing there is none')
})

t.test('the next version begins with the words of the last one', async t => {
  const spanish = { ...draft, words: inAll({ en: words('About'), es: words('Sobre') }) }
  const published = withPublished(study, spanish, classes)
  t.same(draftAfter(published), spanish)
  t.same(versionsOf(withPublished(published, draft, classes)), ['1', '2'])
})

t.test('no two versions have one name, whatever names versions have that were not written here', async t => {
  const version = (name: string) => ({
    url: extensions.patientText,
    extension: [{ url: 'version', valueString: name }],
  })
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], '1'],
    [['2'], '3'],
    [['1.0', '3', '4'], '5'],
  ]
  for (const [names, next] of cases) {
    const named = { ...study, extension: [...(study.extension ?? []), ...names.map(version)] }
    t.strictSame(versionsOf(withPublished(named, draft, classes)), [...names, next])
  }
})

t.test('missing parts are named: of a language that was begun, the promise, and something to ask for', async t => {
  t.same(missingInDraft(draft, study, classes), [])
  t.same(missingInDraft({ ...draft, withdrawal: '' }, empty, classes), [
    'what a withdrawal does',
    'the data that the study asks for',
  ])
  const half = { ...words(''), 'key-facts': 'Usted decide' }
  t.same(
    missingInDraft({ ...draft, words: inAll({ en: { ...words('About'), contact: '' }, es: half }) }, study, classes)
      .length,
    5,
  )
  t.match(missingInDraft(draft, withPublished(study, draft, classes), classes), [
    /^English: a change, for it says what an earlier version says$/,
  ])
})

t.test('a version does not name what was added after it', async t => {
  const published = withPublished(study, draft, classes)
  t.same(unnamedRequests(published, classes), [])
  t.same(unnamedRequests(asking(published, 'omh:body-weight'), classes), ['Body weight'])
})
