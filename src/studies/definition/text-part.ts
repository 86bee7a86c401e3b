import { languageCodes, wordsFor } from '../../messages/catalogue.ts'

/** The parts of the text that people are given to sign, in this order. */
export const textParts = ['key-facts', 'who-and-why', 'duration', 'withdrawal', 'contact'] as const
export type TextPart = (typeof textParts)[number]

/** English, in which the text is always written, and the other languages in which this server speaks to patients. */
export const textLanguages: readonly string[] = ['en', ...languageCodes.filter(code => code !== 'en')]

/** The heading above a part in the text itself, by which a published text is taken apart again. */
export const headingOf = (part: TextPart, language: string): string => wordsFor(language).say(`text.${part}`)
