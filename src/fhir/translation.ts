/** A text in other languages, kept in an extension beside the element. https://hl7.org/fhir/R4/extension-translation.html */

import type { Extension } from '@medplum/fhirtypes'
import { standardExtensions } from './canonical.ts'
import type { Issue } from './error.ts'
import { besideOf, extensionOf, extensionsOf } from './extension.ts'
import { languageIn } from './language.ts'
import { without } from './with-values.ts'

/** A text and its language. */
export type Wording = { readonly text: string; readonly language: string }

/** The text of the element in a language; if there is none, the element's own text. */
export const wordingOf = (
  holder: object,
  element: string,
  { language, own }: { readonly language: string; readonly own: string },
): Wording | undefined => {
  const text: unknown = Reflect.get(holder, element)
  if (typeof text !== 'string' || text === '') return undefined
  const all = [{ text, language: own }, ...translationsOf(holder, element)]
  return (
    all.find(one => languageIn(one.language) === languageIn(language)) ??
    all.find(one => mainOf(one.language) === mainOf(language)) ??
    all[0]
  )
}

/** The language without region and script. */
const mainOf = (language: string): string | undefined => languageIn(language).split('-', 1)[0]

export const translationsOf = (holder: object, element: string): readonly Wording[] =>
  (besideOf(holder, element).extension ?? []).flatMap(entry => {
    if (entry.url !== standardExtensions.translation) return []
    const language = tagOf(entry)
    const content = extensionOf(entry, 'content')
    const text = content?.valueString ?? content?.valueMarkdown
    return language === undefined || text === undefined ? [] : { text, language }
  })

/**
 * The holder with another text, or with none if it is empty. What extensions say of the old one goes with it, but for its translations: each of these
 * is changed by itself.
 */
export const withText = <T extends object>(holder: T, element: keyof T & string, text: string): T => {
  if (Reflect.get(holder, element) === text) return holder
  const kept = extensionsOf(besideOf(holder, element), standardExtensions.translation)
  return {
    ...without(holder, element),
    ...(text !== '' && { [element]: text }),
    ...(kept.length > 0 && { [`_${element}`]: { extension: kept } }),
  }
}

type Kind = 'string' | 'markdown'

/** The holder with these translations, which replace those in the same languages. An empty text removes one. */
export const withTranslations = <T extends object>(
  holder: T,
  element: string,
  { kind, words }: { readonly kind: Kind; readonly words: readonly Wording[] },
): T => {
  const { extension = [], ...beside } = besideOf(holder, element)
  const isReplaced = (entry: Extension) => {
    const language = languageIn(tagOf(entry) ?? '')
    return entry.url === standardExtensions.translation && words.some(one => languageIn(one.language) === language)
  }
  const kept = [
    ...extension.filter(entry => !isReplaced(entry)),
    ...words.flatMap(({ text, language }) => (text === '' ? [] : translation(text, language, kind))),
  ]
  const next = { ...beside, ...(kept.length > 0 && { extension: kept }) }
  const { [`_${element}`]: _, ...others } = holder as Record<string, unknown>
  return { ...others, ...(Object.keys(next).length > 0 && { [`_${element}`]: next }) } as T
}

/** What is wrong with the translations: each must be in a different language, and have a text. `at`: the element's path. */
export const translationIssues = (
  holder: object,
  element: string,
  { at, kind, own }: { readonly at: string; readonly kind: Kind; readonly own: string },
): readonly Issue[] => {
  const entries = besideOf(holder, element).extension ?? []
  const taken = new Set([languageIn(own)])
  return entries.flatMap((entry, index) => {
    if (entry.url !== standardExtensions.translation) return []
    const found = [languageProblem(tagOf(entry), { own, taken }), wordsProblem(entry, kind)]
    taken.add(languageIn(tagOf(entry) ?? ''))
    return found.flatMap(problem => problem ?? []).map(one => ({ ...one, expression: `${at}.extension[${index}]` }))
  })
}

type Problem = Pick<Issue, 'code' | 'message'>

const languageProblem = (
  tag: string | undefined,
  { own, taken }: { readonly own: string; readonly taken: ReadonlySet<string> },
): Problem | undefined => {
  if (tag === undefined) return { code: 'required', message: 'A translation says its language: lang, as valueCode' }
  const language = languageIn(tag)
  if (language === '') return { code: 'code-invalid', message: `${tag} is no language: ${accepted}` }
  if (language === languageIn(own))
    return { code: 'business-rule', message: `The element itself is in ${tag}: ${ownRule}` }
  if (!taken.has(language)) return undefined
  return { code: 'business-rule', message: `There is a translation into ${tag} already: each language stands once` }
}

const accepted = 'a code of BCP 47 is accepted, such as es or pt-BR'
const ownRule = 'a translation is into another language than that of the resource, which is en where none is said'

const wordsProblem = (entry: Extension, kind: Kind): Problem | undefined => {
  const content = extensionOf(entry, 'content')
  const [text, value] =
    kind === 'string' ? [content?.valueString, 'valueString'] : [content?.valueMarkdown, 'valueMarkdown']
  if (text !== undefined && text.trim() !== '') return undefined
  return { code: 'required', message: `A translation has words: content, as ${value}, which is not empty` }
}

const tagOf = (entry: Extension): string | undefined => extensionOf(entry, 'lang')?.valueCode

const translation = (text: string, language: string, kind: Kind): Extension => ({
  url: standardExtensions.translation,
  extension: [
    { url: 'lang', valueCode: language },
    { url: 'content', ...(kind === 'string' ? { valueString: text } : { valueMarkdown: text }) },
  ],
})
