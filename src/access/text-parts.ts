import type { Attachment, Extension, ResearchStudy } from '@medplum/fhirtypes'
import published from '../../fhir-profiles/CodeSystem-patient-text-part.json' with { type: 'json' }
import { extensions } from '../fhir/canonical.ts'
import { extensionOf, extensionsOf } from '../fhir/extension.ts'

/** The parts that every text has which people are given to sign, in this order. */
export const textParts = ['key-facts', 'who-and-why', 'duration', 'withdrawal', 'contact'] as const
export type TextPart = (typeof textParts)[number]

/** In which language of a version which parts are missing. */
export type MissingParts = { readonly language: string; readonly parts: readonly TextPart[] }

/** The heading of a part: the designation in the language that the published CodeSystem has for it, or else the English one. */
export const headingOf = (part: TextPart, language: string): string => {
  const { display = part, designation = [] }: Concept = concepts.find(({ code }) => code === part) ?? {}
  const inLanguage = (tag: string) => designation.find(one => one.language === tag)?.value
  return inLanguage(language) ?? inLanguage(baseOf(language)) ?? display
}

type Concept = {
  readonly code?: string
  readonly display?: string
  readonly designation?: readonly { readonly language: string; readonly value: string }[]
}

const concepts: readonly Concept[] = published.concept

/**
 * What the version to sign now lacks, so that nobody is asked to sign it: there is a text in the study's own language or in English, and each text has
 * all parts. Empty if it lacks nothing, or if there is no version.
 */
export const missingParts = (study: ResearchStudy): readonly MissingParts[] => {
  const version = extensionsOf(study, extensions.patientText).at(-1)
  return version === undefined ? [] : missingIn(version, study.language ?? 'en')
}

const missingIn = (version: Extension, own: string): readonly MissingParts[] => {
  const texts = extensionsOf(version, 'text').flatMap(({ valueAttachment }) => valueAttachment ?? [])
  const lacking = texts.map(text => ({ language: languageOf(text), parts: missingFrom(text, headingsNamed(version)) }))
  const isIn = (code: string) => lacking.some(({ language }) => baseOf(language) === baseOf(code))
  return [...(isIn('en') || isIn(own) ? [] : [{ language: own, parts: textParts }]), ...lacking].filter(
    ({ parts }) => parts.length > 0,
  )
}

const languageOf = ({ language = 'en' }: Attachment): string => language

const baseOf = (tag: string): string => tag.split('-')[0]?.toLowerCase() ?? ''

type Named = { readonly language: string; readonly part: string; readonly heading: string }

/** The headings that the version says it has, by its `part`. */
const headingsNamed = (version: Extension): readonly Named[] =>
  extensionsOf(version, 'part').map(entry => ({
    language: extensionOf(entry, 'language')?.valueCode ?? '',
    part: extensionOf(entry, 'name')?.valueCode ?? '',
    heading: extensionOf(entry, 'heading')?.valueString ?? '',
  }))

/** Of a text that is not plain, such as a PDF, we cannot tell what it says: there the version has to name the heading of each part. */
const missingFrom = (text: Attachment, named: readonly Named[]): readonly TextPart[] => {
  const language = languageOf(text)
  const own = (part: TextPart) =>
    named.filter(one => one.part === part && one.language === language && folded(one.heading) !== '')
  if (!(text.contentType ?? 'text/plain').startsWith('text/plain'))
    return textParts.filter(part => own(part).length === 0)
  const lines = Buffer.from(text.data ?? '', 'base64')
    .toString('utf8')
    .split('\n')
    .map(folded)
  const headings = new Map(
    textParts.map(part => [
      part,
      new Set([headingOf(part, language), ...own(part).map(one => one.heading)].map(folded)),
    ]),
  )
  const isHeading = (line: string) => [...headings.values()].some(any => any.has(line))
  return textParts.filter(part => {
    const ofPart = headings.get(part)
    return !lines.some((line, at) => ofPart?.has(line) && saysSomething(lines.slice(at + 1), isHeading))
  })
}

/** Whether words stand there before the next heading. */
const saysSomething = (lines: readonly string[], isHeading: (line: string) => boolean): boolean => {
  const next = lines.find(line => line !== '')
  return next !== undefined && !isHeading(next)
}

/** Headings are found whatever letters are capital and have accents, since capitals of some languages lose them. */
const folded = (line: string): string => line.normalize('NFD').replaceAll(/\p{M}/gu, '').trim().toUpperCase()

/** Why nobody is asked to sign the study's text, and what would be accepted; undefined if people can be asked, or if there is no text. */
export const reasonAgainstText = (study: ResearchStudy): string | undefined => {
  const missing = missingParts(study)
  if (missing.length === 0) return undefined
  const version = extensionsOf(study, extensions.patientText).at(-1)
  const name = extensionOf(version ?? {}, 'version')?.valueString
  const lacks = missing.map(({ language, parts }) => `in ${language}: ${parts.join(', ')}`).join('; ')
  return `Version ${name} of the patient text lacks ${lacks}. ${rule}`
}

const rule = `Nobody is asked to sign a text before it has all its parts, in the language of the study or in English, and in each other language of the version. A plain text has a part if the heading of the part stands in a line of its own with words below it: ${textParts
  .map(part => `“${headingOf(part, 'en')}”`)
  .join(
    ', ',
  )} in English, the designations of ${published.url} in other languages, or the heading that the version names by its part (language, name, heading). A text that is not plain has the parts whose headings are named so`
