/** The limits of XHTML in a narrative. https://hl7.org/fhir/R4/narrative.html#xhtml */

/** Readers of XML look through all that is open for each tag; those of screens and of paper stop far above it. */
export const deepestTags = 200

type Fault = 'deep' | 'other'

/** What txt-1 asks: one `div` of balanced, allowed elements, without scripts or handlers of events; `'deep'` where they nest beyond measure. */
export const narrativeFault = (text: string): Fault | undefined => {
  if (!opening.test(text) || !text.trimEnd().endsWith('>')) return 'other'
  const tree: Tree = { open: [], roots: 0 }
  // No `<` stands anywhere but at the start of a tag.
  for (let at = text.indexOf('<'); at >= 0; ) {
    const found = text.startsWith('<!--', at) ? commentAt(text, at) : tagAt(text, at)
    const fault = found === undefined ? 'other' : faultIn(tree, found)
    if (found === undefined || fault !== undefined) return fault
    at = text.indexOf('<', found.end)
  }
  return tree.open.length === 0 && tree.roots === 1 ? undefined : 'other'
}

/** What is open, and how many stand beside each other at the top. */
type Tree = { readonly open: string[]; roots: number }

const faultIn = (tree: Tree, { name, kind }: Found): Fault | undefined => {
  const { open } = tree
  if (kind !== 'comment' && open.length === 0) tree.roots += 1
  if (kind === 'end') return open.pop() === name ? undefined : 'other'
  return kind === 'start' && open.push(name) > deepestTags ? 'deep' : undefined
}

/** txt-2: there is text or an image. */
export const saysSomething = (text: string): boolean => textOrImage.test(text)

const opening = /^\s*<div[\s>/]/
const textOrImage = />\s*[^<\s]|<img\s/

/** `end`: behind it. */
type Found = { readonly name: string; readonly kind: 'start' | 'end' | 'empty' | 'comment'; readonly end: number }

/** "The string "--" must not occur within comments": https://www.w3.org/TR/xml/#sec-comments */
const commentAt = (text: string, at: number): Found | undefined => {
  const dashes = text.indexOf('--', at + '<!--'.length)
  return dashes >= 0 && text[dashes + 2] === '>' ? { name: '', kind: 'comment', end: dashes + 3 } : undefined
}

/** An allowed one. A pattern for all of it would need room for each letter of an image that stands in its address. */
const tagAt = (text: string, at: number): Found | undefined => {
  nameAt.lastIndex = at
  const [start = '', closing, name = ''] = nameAt.exec(text) ?? []
  const last = elements.has(name) ? endOfTag(text, at + start.length) : undefined
  if (last === undefined) return undefined
  const isSingle = text[last - 1] === '/'
  const attributes = text.slice(at + start.length, isSingle ? last - 1 : last)
  if (attributes !== '' && handler.test(attributes)) return undefined
  return { name, kind: closing === '/' ? 'end' : isSingle ? 'empty' : 'start', end: last + 1 }
}

const nameAt = /<(\/?)([A-Za-z][\w:-]*)/y
const handler = /(?:^|\s)on\w+\s*=|["'=]\s*javascript:/i

/** The next `>` that is in no quotes; a `<` comes nowhere before it. */
const endOfTag = (text: string, from: number): number | undefined => {
  for (let at = from; at < text.length; at += 1) {
    const letter = text[at]
    if (letter === '>') return at
    if (letter === '<') return undefined
    if (letter !== '"' && letter !== "'") continue
    const closing = text.indexOf(letter, at + 1)
    if (closing < 0 || text.slice(at, closing).includes('<')) return undefined
    at = closing
  }
  return undefined
}

/** HTML 4.0 chapters 7 to 11 (but section 4 of 9) and 15, links, images. */
const elements: ReadonlySet<string> = new Set(
  (
    'a abbr acronym address b big blockquote br caption cite code col colgroup dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 hr ' +
    'i img ins kbd li map area ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var'
  ).split(' '),
)
