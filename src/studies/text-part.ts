/** What a text that people are given to sign says, in this order. */
export const textParts = ['key-facts', 'who-and-why', 'duration', 'withdrawal', 'contact'] as const
export type TextPart = (typeof textParts)[number]

/** English is always written. */
export const textLanguages = ['en', 'es'] as const
export type TextLanguage = (typeof textLanguages)[number]

/** As they stand in the text itself, above the words of each part. */
export const textHeadings: Readonly<Record<TextLanguage, Readonly<Record<TextPart, string>>>> = {
  en: {
    'key-facts': 'Key facts',
    'who-and-why': 'Who receives what, and why',
    duration: 'How long it goes on',
    withdrawal: 'How you stop, and what happens then',
    contact: 'Whom to ask',
  },
  es: {
    'key-facts': 'Lo más importante',
    'who-and-why': 'Quién recibe qué, y para qué',
    duration: 'Cuánto dura',
    withdrawal: 'Cómo dejarlo, y qué pasa entonces',
    contact: 'A quién preguntar',
  },
}
