import { headingOf, type TextPart, textParts } from '../../access/text-parts.ts'
import { languageCodes, wordsFor } from '../../messages/catalogue.ts'

/** The languages in which this server speaks to patients, English first. */
export const textLanguages: readonly string[] = ['en', ...languageCodes.filter(code => code !== 'en')]

/** The heading as it stands in the text itself, by which a published text is taken apart again: in capitals, since the text is plain. */
export const headingWritten = (part: TextPart, language: string): string => {
  const { code } = wordsFor(language)
  return headingOf(part, code).toLocaleUpperCase(code)
}

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
