import { languageCodes, wordsFor } from '../../messages/catalogue.ts'

/** The parts of the text that people are given to sign, in this order. */
export const textParts = ['key-facts', 'who-and-why', 'duration', 'withdrawal', 'contact'] as const
export type TextPart = (typeof textParts)[number]

/** English, in which the text is always written, and the other languages in which this server speaks to patients. */
export const textLanguages: readonly string[] = ['en', ...languageCodes.filter(code => code !== 'en')]

/** The heading above a part in the text itself, by which a published text is taken apart again. */
export const headingOf = (part: TextPart, language: string): string => wordsFor(language).say(`text.${part}`)

/** The heading as it stands in the text itself: in capitals, since the text is plain. */
export const headingWritten = (part: TextPart, language: string): string =>
  headingOf(part, language).toLocaleUpperCase(wordsFor(language).code)

/** What stands between the parts of a text. */
export const betweenParts = '\n\n\n'

/** A text cut at its parts: the heading of each, empty if it is none of ours, and what follows it. Put together, they are the text again. */
export const cutInParts = (text: string, language: string) => {
  const headings = textParts.map(part => headingWritten(part, language))
  return text.split(betweenParts).map(block => {
    const heading = headings.find(one => block.startsWith(`${one}\n\n`)) ?? ''
    return { heading, rest: block.slice(heading.length) }
  })
}
