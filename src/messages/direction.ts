/** Whether a language is written from right to left, as `dir` of HTML says it. */
export const directionOf = (code: string): 'ltr' | 'rtl' =>
  rightToLeft.has(new Intl.Locale(code).maximize().script ?? '') ? 'rtl' : 'ltr'

const rightToLeft: ReadonlySet<string> = new Set(['Arab', 'Hebr', 'Syrc', 'Thaa', 'Nkoo', 'Adlm', 'Rohg'])
