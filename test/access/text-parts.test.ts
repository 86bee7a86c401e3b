import type { Attachment, Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { headingOf, missingParts, reasonAgainstText, textParts } from '../../src/access/text-parts.ts'
import { extensions } from '../../src/fhir/canonical.ts'
import { languageCodes } from '../../src/messages/catalogue.ts'
import { headingWritten } from '../../src/studies/definition/text-part.ts'
import { wholeText } from '../support/patient-text.ts'

const plain = (words: string, language?: string): Attachment => ({
  contentType: 'text/plain',
  ...(language && { language }),
  data: Buffer.from(words).toString('base64'),
})
const english = plain(wholeText('It is your choice.'), 'en')
const named = (language: string, name: string, heading: string): Extension => ({
  url: 'part',
  extension: [
    { url: 'language', valueCode: language },
    { url: 'name', valueCode: name },
    { url: 'heading', valueString: heading },
  ],
})
const studyWith = (texts: readonly Attachment[], ...parts: readonly Extension[]): ResearchStudy => ({
  resourceType: 'ResearchStudy',
  status: 'active',
  extension: [
    {
      url: extensions.patientText,
      extension: [
        { url: 'version', valueString: '1' },
        ...texts.map(valueAttachment => ({ url: 'text', valueAttachment })),
        ...parts,
      ],
    },
  ],
})
const lacks = (texts: readonly Attachment[], ...parts: readonly Extension[]) =>
  missingParts(studyWith(texts, ...parts)).map(({ language, parts: missing }) => `${language}: ${missing.join(' ')}`)
const all = textParts.join(' ')

t.test('a text has a part if its heading stands in a line of its own with words below it', async t => {
  const text = (change: (whole: string) => string) => [plain(change(wholeText('It is your choice.')))]
  for (const [change, missing, why] of [
    [(whole: string) => whole, [], 'in capitals'],
    [(whole: string) => whole.replaceAll('\n', '\r\n'), [], 'with the line ends of Windows'],
    [(whole: string) => whole.replace('KEY FACTS', '  Key facts '), [], 'in small letters, between blanks'],
    [(whole: string) => whole.replace('KEY FACTS\n\n', 'KEY FACTS\n'), [], 'right above its words'],
    [(whole: string) => whole.replace('It is your choice.', ''), ['en: key-facts'], 'with nothing below it'],
    [(whole: string) => whole.replace(/WHOM TO ASK[\s\S]*/, 'WHOM TO ASK\n'), ['en: contact'], 'at the end'],
    [(whole: string) => whole.replace('KEY FACTS\n\n', 'KEY FACTS '), ['en: key-facts'], 'within a line'],
    [() => 'We ask you.', [`en: ${all}`], 'none'],
  ] as const)
    t.same(lacks(text(change)), missing, why)
})

t.test('a version is in English or the language of the study, and each of its languages has all parts', async t => {
  const spanish = plain(wholeText('Usted decide.', 'es'), 'es')
  t.same(lacks([english, spanish]), [])
  t.same(lacks([english, plain(wholeText('Usted decide.', 'es').toLowerCase(), 'es-MX')]), [], 'of a region as well')
  t.same(lacks([spanish]), [`en: ${all}`])
  const inSpanish = (...texts: readonly Attachment[]) =>
    missingParts({ ...studyWith(texts), language: 'es-MX' }).map(
      ({ language, parts }) => `${language}: ${parts.join(' ')}`,
    )
  t.same(inSpanish(spanish), [])
  t.same(inSpanish(english), [])
  t.same(inSpanish(english, plain('Usted decide.', 'es')), [`es: ${all}`])
  t.same(inSpanish(), [`es-MX: ${all}`])
  t.same(lacks([english, plain('Usted decide.', 'es')]), [`es: ${all}`])
  t.same(lacks([{ ...english, language: 'en-GB' }]), [])
  t.same(lacks([plain(wholeText('It is your choice.'))]), [], 'a text that names no language is in English')
  const { contentType: _, ...untyped } = english
  t.same(lacks([untyped]), [], 'and one that names no type is plain')
})

t.test('a version may name other headings, for languages that we do not know as well', async t => {
  const portuguese = plain(textParts.map(part => `Sobre ${part}\nTexto.`).join('\n'), 'pt')
  const parts = textParts.map(part => named('pt', part, `Sobre ${part}`))
  t.same(lacks([english, portuguese], ...parts), [])
  t.same(lacks([english, portuguese], ...parts.slice(1)), ['pt: key-facts'])
  t.same(
    lacks([english, portuguese], ...parts.slice(1), named('pt', 'key-facts', 'Resumo')),
    ['pt: key-facts'],
    'not there',
  )
  t.same(lacks([english, portuguese], ...parts.slice(1), named('en', 'key-facts', 'Sobre key-facts')), [
    'pt: key-facts',
  ])
  t.same(lacks([plain('Our own\nWords.\n')], ...textParts.map(part => named('en', part, 'Our own'))), [], 'one for all')
  t.same(lacks([plain('\nWords.\n')], ...textParts.map(part => named('en', part, ' '))), [`en: ${all}`], 'no heading')
})

t.test('of a text that is not plain, the version has to name the headings', async t => {
  const pdf: Attachment = { contentType: 'application/pdf', language: 'en', data: 'JVBERg==' }
  t.same(lacks([pdf]), [`en: ${all}`])
  t.same(lacks([pdf], ...textParts.map(part => named('en', part, `1. ${part}`))), [])
})

t.test('only the last version is to be signed; a study without one lacks nothing', async t => {
  const [first] = studyWith([plain('We ask you.')]).extension ?? []
  const second = studyWith([english])
  t.same(missingParts({ ...second, extension: [...(first ? [first] : []), ...(second.extension ?? [])] }), [])
  t.same(missingParts({ resourceType: 'ResearchStudy', status: 'active' }), [])
})

t.test('whoever is refused is told what is missing, the rule, and what would be accepted', async t => {
  t.equal(reasonAgainstText(studyWith([english])), undefined)
  t.equal(
    reasonAgainstText(
      studyWith([plain(wholeText('It is your choice.').replace('KEY FACTS', '')), plain('Hola', 'es')]),
    ),
    `Version 1 of the patient text lacks in en: key-facts; in es: ${textParts.join(', ')}. Nobody is asked to sign a text before it has all its parts, in the language of the study or in English, and in each other language of the version. A plain text has a part if the heading of the part stands in a line of its own with words below it: “Key facts”, “Who receives what, and why”, “How long it goes on”, “How you stop, and what happens then”, “Whom to ask” in English, the designations of https://sharewell.dev/fhir/CodeSystem/patient-text-part in other languages, or the heading that the version names by its part (language, name, heading). A text that is not plain has the parts whose headings are named so`,
  )
})

t.test('the published headings are in every language in which this server speaks to patients', async t => {
  for (const language of languageCodes.filter(code => code !== 'en'))
    for (const part of textParts)
      t.not(headingOf(part, language), headingOf(part, 'en'), `${part}: a designation in ${language} is needed`)
  t.equal(headingWritten('withdrawal', 'es'), 'CÓMO DEJARLO, Y QUÉ PASA ENTONCES')
  t.equal(headingOf('contact', 'tlh'), 'Whom to ask')
})
