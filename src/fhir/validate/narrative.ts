/** The limits of XHTML in a narrative. https://hl7.org/fhir/R4/narrative.html#xhtml */

/** txt-1: one `div` of balanced, allowed elements, without scripts or handlers of events. */
export const isNarrative = (text: string): boolean => {
  if (!opening.test(text) || !text.trimEnd().endsWith('>')) return false
  const found = [...text.matchAll(tag)]
  const tags = found.filter(([, comment]) => comment === undefined).map(toTag)
  return isAllTags(text, found) && tags.every(isAllowed) && isOneTree(tags)
}

/** No `<` stands anywhere but at the start of a tag. */
const isAllTags = (text: string, found: readonly RegExpExecArray[]): boolean => {
  let end = 0
  for (const { index, 0: tag } of found) {
    if (text.indexOf('<', end) !== index) return false
    end = index + tag.length
  }
  return text.indexOf('<', end) < 0
}

type Tag = { readonly name: string; readonly attributes: string; readonly kind: 'start' | 'end' | 'empty' }

const toTag = ([, , closing, name = '', attributes = '', single]: RegExpExecArray): Tag => {
  const kind = single === '/' ? 'empty' : 'start'
  return { name, attributes, kind: closing === '/' ? 'end' : kind }
}

const isOneTree = (tags: readonly Tag[]): boolean => {
  const open: string[] = []
  let roots = 0
  for (const { name, kind } of tags) {
    if (open.length === 0) roots += 1
    if (kind === 'start') open.push(name)
    if (kind === 'end' && open.pop() !== name) return false
  }
  return open.length === 0 && roots === 1
}

/** txt-2: there is text or an image. */
export const saysSomething = (text: string): boolean => textOrImage.test(text)

const opening = /^\s*<div[\s>/]/
const textOrImage = />\s*[^<\s]|<img\s/
/** No alternative reads past the next `<` (or the next `--` of a comment), so the time is linear in the text. */
const tag = /(<!--(?:[^-]|-(?!-))*-->)|<(\/?)([A-Za-z][\w:-]*)((?:[^<>"']|"[^"<]*"|'[^'<]*')*?)(\/?)>/g
const handler = /(?:^|\s)on\w+\s*=|["'=]\s*javascript:/i

const isAllowed = ({ name, attributes }: Tag): boolean =>
  elements.has(name) && (attributes === '' || !handler.test(attributes))

/** HTML 4.0 chapters 7 to 11 (but section 4 of 9) and 15, links, images. */
const elements: ReadonlySet<string> = new Set(
  (
    'a abbr acronym address b big blockquote br caption cite code col colgroup dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 hr ' +
    'i img ins kbd li map area ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var'
  ).split(' '),
)
