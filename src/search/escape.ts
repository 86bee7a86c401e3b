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

/** `\,` `\$` `\|` `\\` become the character; any other backslash stands for itself. */
export const unescapeText = (text: string): string => text.replace(/\\([,$|\\])/g, '$1')

/** The text as one value of a search parameter. */
export const escaped = (text: string): string => text.replace(/[,$|\\]/g, '\\$&')
