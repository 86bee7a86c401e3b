/** https://hl7.org/fhir/R4/search.html#escaping */
type Separator = ',' | '$' | '|'

/** Cuts at each separator without a backslash before it. The parts keep their escapes, for the next cut. */
export const splitAt = (separator: Separator, text: string): readonly [string, ...string[]] => {
  const parts: [string, ...string[]] = ['']
  for (const [piece] of text.matchAll(/\\.|[^\\]|\\$/gsu)) {
    if (piece === separator) parts.push('')
    else parts[parts.length - 1] += piece
  }
  return parts
}

/** "The parameter value `xx\xx` is illegal": every backslash is followed by one of these four. */
export const isEscapedWell = (text: string): boolean => !text.replace(/\\[,$|\\]/g, '').includes('\\')

/** `\,` `\$` `\|` `\\` become the character. */
export const unescapeText = (text: string): string => text.replace(/\\([,$|\\])/g, '$1')

/** The text as one value of a search parameter. */
export const escaped = (text: string): string => text.replace(/[,$|\\]/g, '\\$&')
