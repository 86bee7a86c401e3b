/** The limits of XHTML in a narrative. https://hl7.org/fhir/R4/narrative.html#xhtml */

/** Readers of XML look through all that is open for each tag; those of screens and of paper stop far above it. */
export const deepestTags = 200

/**
 * What txt-1 asks: one `div` of balanced, allowed elements, without scripts or handlers of events. Said in words, `tooDeep` where they nest
 * beyond measure.
 */
export const narrativeFault = (text: string): string | undefined => {
  if (!opening.test(text) || !text.trimEnd().endsWith('>')) return 'it begins with <div and ends with </div>'
  const tree: Tree = { open: [], roots: 0 }
  // No `<` stands anywhere but at the start of a tag.
  for (let at = text.indexOf('<'); at >= 0; ) {
    const found = text.startsWith('<!--', at) ? commentAt(text, at) : tagAt(text, at)
    if (typeof found === 'string') return found
    const fault = faultIn(tree, found)
    if (fault !== undefined) return fault
    at = text.indexOf('<', found.end)
  }
  const unclosed = tree.open.at(-1)
  if (unclosed !== undefined) return `<${unclosed}> is never closed`
  return tree.roots === 1 ? undefined : 'it is one <div>, with all else in it'
}

export const tooDeep = `the tags of a narrative nest at most ${deepestTags} levels deep`

/** What is open, and how many stand beside each other at the top. */
type Tree = { readonly open: string[]; roots: number }

const faultIn = (tree: Tree, { name, kind }: Found): string | undefined => {
  const { open } = tree
  if (kind !== 'comment' && open.length === 0) tree.roots += 1
  if (kind === 'end') {
    const last = open.pop()
    return last === name ? undefined : `</${name}> stands where ${last === undefined ? 'nothing' : `<${last}>`} is open`
  }
  return kind === 'start' && open.push(name) > deepestTags ? tooDeep : undefined
}

/** txt-2: there is text or an image. */
export const saysSomething = (text: string): boolean => textOrImage.test(text)

const opening = /^\s*<div[\s>/]/
const textOrImage = />\s*[^<\s]|<img\s/

/** `end`: behind it. */
type Found = { readonly name: string; readonly kind: 'start' | 'end' | 'empty' | 'comment'; readonly end: number }

/** "The string "--" must not occur within comments": https://www.w3.org/TR/xml/#sec-comments */
const commentAt = (text: string, at: number): Found | string => {
  const dashes = text.indexOf('--', at + '<!--'.length)
  if (dashes >= 0 && text[dashes + 2] === '>') return { name: '', kind: 'comment', end: dashes + 3 }
  return 'a comment ends with --> and has no other -- in it'
}

/** An allowed one. A pattern for all of it would need room for each letter of an image that stands in its address. */
const tagAt = (text: string, at: number): Found | string => {
  nameAt.lastIndex = at
  const [start = '', closing, name = ''] = nameAt.exec(text) ?? []
  if (name === '') return 'a < that begins no tag is written &lt;'
  if (!elements.has(name)) return `<${name.slice(0, 40)}> is no element of it; those are ${[...elements].join(', ')}`
  const last = endOfTag(text, at + start.length)
  if (last === undefined) return `the tag <${name} has no end`
  const isSingle = text[last - 1] === '/'
  const attributes = text.slice(at + start.length, isSingle ? last - 1 : last)
  if (attributes !== '' && handler.test(attributes))
    return `<${name}> has a script: neither on… nor javascript: is taken`
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
