import t from 'tap'
import { languageIn } from '../../src/fhir/language.ts'
import { translationIssues, withTranslations, wordingOf } from '../../src/fhir/translation.ts'

const url = 'http://hl7.org/fhir/StructureDefinition/translation'
const into = (lang: string | undefined, content: object) => ({
  url,
  extension: [...(lang === undefined ? [] : [{ url: 'lang', valueCode: lang }]), { url: 'content', ...content }],
})
const of = (...extension: readonly object[]) => ({ title: 'Sleep', _title: { extension } })
const own = 'en'

t.test('words are read in the nearest available language, else in the original', t => {
  const holder = of(
    into('es-MX', { valueString: 'Sueño' }),
    into('es', { valueString: 'El sueño' }),
    into('DE', { valueMarkdown: 'Schlaf' }),
  )
  for (const [language, text, from] of [
    ['en', 'Sleep', 'en'],
    ['es', 'El sueño', 'es'],
    ['es-MX', 'Sueño', 'es-MX'],
    ['es-PE', 'Sueño', 'es-MX'],
    ['de', 'Schlaf', 'DE'],
    ['fr', 'Sleep', 'en'],
  ] as const)
    t.same(wordingOf(holder, 'title', { language, own }), { text, language: from }, language)
  t.same(wordingOf(holder, 'title', { language: 'fr', own: 'it' }), { text: 'Sleep', language: 'it' })
  t.equal(wordingOf({}, 'title', { language: 'en', own }), undefined)
  t.end()
})

t.test('a translation replaces the one before; other extensions of the words stay', t => {
  const other = { url: 'https://example.org/x', valueBoolean: true }
  const german = into('de', { valueString: 'Schlaf' })
  const spanish = (text: string) => into('es', { valueString: text })
  const put = (text: string, ...before: readonly object[]) =>
    withTranslations(of(...before), 'title', { kind: 'string', words: [{ language: 'es', text }] })
  t.same(put('Sueño', other, spanish('Dormir'), german), of(other, german, spanish('Sueño')))
  t.same(put('', other, spanish('Dormir')), of(other))
  t.same(put('', spanish('Dormir')), { title: 'Sleep' })
  t.same(put(''), { title: 'Sleep' })
  t.end()
})

t.test('each translation is into a different language that exists, and is not empty', t => {
  const issuesOf = (extension: readonly object[], kind: 'string' | 'markdown' = 'string') =>
    translationIssues(of(...extension), 'title', { at: 'ResearchStudy.title', kind, own }).map(
      ({ code, message, expression }) => `${code} ${expression}: ${message}`,
    )
  const words = { valueString: 'Sueño' }
  const empty = 'A translation has words: content, as valueString, which is not empty'
  t.same(issuesOf([into('es', words), into('pt-BR', words), into('quy', words), { url: 'https://x.example' }]), [])
  t.same(issuesOf([into('es', { valueMarkdown: '*Sueño*' })], 'markdown'), [])
  for (const [extension, found] of [
    [
      [into('xx', words), into('Spanish', words)],
      ['xx', 'Spanish'].map(
        (tag, place) =>
          `code-invalid ResearchStudy.title.extension[${place}]: ${tag} is no language: a code of BCP 47 is accepted, such as es or pt-BR`,
      ),
    ],
    [
      [into('es', words), into('ES', words)],
      [
        'business-rule ResearchStudy.title.extension[1]: There is a translation into ES already: each language stands once',
      ],
    ],
    [
      [into('en', words)],
      [
        'business-rule ResearchStudy.title.extension[0]: The element itself is in en: a translation is into another language than that of the resource, which is en where none is said',
      ],
    ],
    [
      [into(undefined, words)],
      ['required ResearchStudy.title.extension[0]: A translation says its language: lang, as valueCode'],
    ],
    [[into('es', { valueString: '  ' })], [`required ResearchStudy.title.extension[0]: ${empty}`]],
    [[into('es', { valueMarkdown: 'Sueño' })], [`required ResearchStudy.title.extension[0]: ${empty}`]],
  ] as const)
    t.same(issuesOf(extension), found)
  t.end()
})

t.test('a language is a code that BCP 47 defines', t => {
  t.same(['es', 'ES-mx', 'spa', 'zh-hant', 'quy'].map(languageIn), ['es', 'es-MX', 'es', 'zh-Hant', 'quy'])
  t.same(['xx', 'Spanish', '', 'e', 'x-own', 'es_MX', 'español'].map(languageIn), ['', '', '', '', '', '', ''])
  t.end()
})
