/** The code of a language as BCP 47 writes it, `pt-BR` for `pt-br`; empty if there is no such language. https://www.rfc-editor.org/info/bcp47 */
export const languageIn = (tag: string): string => {
  const code = canonicalOf(tag)
  const [language = ''] = code.split('-', 1)
  // Most of the some 8000 languages with a code of three letters have no name here.
  return language.length === 3 || (language !== '' && names.of(language) !== undefined) ? code : ''
}

const canonicalOf = (tag: string): string => {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? ''
  } catch {
    return ''
  }
}

const names = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' })

/** Its English name. */
export const languageName = (code: string): string => names.of(code) ?? code
