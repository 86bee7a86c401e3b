import { languageCodes, wordsFor } from '../../messages/catalogue.ts'

/** What a text that people are given to sign says, in this order. */
export const textParts = ['key-facts', 'who-and-why', 'duration', 'withdrawal', 'contact'] as const
export type TextPart = (typeof textParts)[number]

/** English, which is always written, and each other one in which this server speaks to patients. */
export const textLanguages: readonly string[] = ['en', ...languageCodes.filter(code => code !== 'en')]

/** As it stands in the text itself, above the words of the part; a text that was published is taken apart by it again. */
export const headingOf = (part: TextPart, language: string): string => wordsFor(language).say(`text.${part}`)
