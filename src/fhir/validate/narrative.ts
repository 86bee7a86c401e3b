/** The limits of XHTML in a narrative. https://hl7.org/fhir/R4/narrative.html#xhtml */

/** txt-1: one `div` of balanced, allowed elements, without scripts or handlers of events. */
export const isNarrative = (text: string): boolean => {
  if (!opening.test(text) || !text.trimEnd().endsWith('>') || text.replaceAll(tag, '').includes('<')) return false
  const open: string[] = []
  let roots = 0
  for (const [, comment, closing, name = '', attributes = '', single] of text.matchAll(tag)) {
    if (comment !== undefined) continue
    if (!isAllowed(name, attributes)) return false
    if (open.length === 0) roots += 1
    if (!isBalanced(open, name, closing === '/' ? 'end' : single === '/' ? 'empty' : 'start')) return false
  }
  return open.length === 0 && roots === 1
}

const isBalanced = (open: string[], name: string, tag: 'start' | 'end' | 'empty'): boolean => {
  if (tag === 'start') open.push(name)
  return tag !== 'end' || open.pop() === name
}

/** txt-2: there is text or an image. */
export const saysSomething = (text: string): boolean => image.test(text) || /\S/.test(text.replaceAll(tag, ''))

const opening = /^\s*<div[\s>/]/
const image = /<img\s/
/** No alternative reads past the next `<` (or the next `--` of a comment), so the time is linear in the text. */
const tag = /(<!--(?:[^-]|-(?!-))*-->)|<(\/?)([A-Za-z][\w:-]*)((?:[^<>"']|"[^"<]*"|'[^'<]*')*?)(\/?)>/g
const handler = /(?:^|\s)on\w+\s*=|["'=]\s*javascript:/i

const isAllowed = (name: string, attributes: string): boolean =>
  elements.has(name) && (attributes === '' || !handler.test(attributes))

/** HTML 4.0 chapters 7 to 11 (but section 4 of 9) and 15, links, images. */
const elements: ReadonlySet<string> = new Set(
  (
    'a abbr acronym address b big blockquote br caption cite code col colgroup dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 hr ' +
    'i img ins kbd li map area ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var'
  ).split(' '),
)
