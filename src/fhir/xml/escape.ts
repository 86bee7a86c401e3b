/** The text as it may be written in an attribute or between tags. What XML cannot have at all becomes U+FFFD. */
export const escapeXml = (text: string): string =>
  special.test(text) ? text.replace(everySpecial, found => entities[found] ?? '\uFFFD') : text

/** Escaped white space: unescaped in an attribute, it would be normalised to spaces. */
const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML 1.0 excludes
const special = /[&<>"\u0000-\u001F\uFFFE\uFFFF]|\p{Surrogate}/u
const everySpecial = new RegExp(special.source, 'gu')
