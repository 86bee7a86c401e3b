/** https://hl7.org/fhir/R4/search.html#escaping: a separator with a backslash before it does not separate. */
export const split = (separator: ',' | '$' | '|', text: string): readonly string[] => {
  const parts = ['']
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === separator) parts.push('')
    else if (character === '\\') parts[parts.length - 1] += character + text.charAt(++at)
    else parts[parts.length - 1] += character
  }
  return parts
}

export const plainText = (text: string): string => text.replaceAll(/\\([,$|\\])/g, '$1')

export const escapedText = (text: string): string => text.replaceAll(/[,$|\\]/g, '\\$&')
