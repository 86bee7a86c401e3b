/** The limits of XHTML in a narrative. https://hl7.org/fhir/R4/narrative.html#xhtml */

import { attributesFault } from './narrative-attribute.ts'
import { type Fault, referenceFault, strangeCharacter, unescaped } from './narrative-character.ts'

/** For each tag, readers of XML look through all open elements; what people see on screens and paper is far less deep. */
export const deepestTags = 200

/**
 * What txt-1 requires: one `div` of well-formed XML with allowed elements, and without scripts or handlers of events. Answers what is wrong, in
 * words: `tooDeep` if elements are nested too deeply, `blank` if only txt-2 is broken, because there is neither text nor an image.
 */
export const narrativeFault = (text: string): string | undefined => {
  const fault = faultOf(text)
  if (fault === undefined) return undefined
  return fault.at === undefined ? fault.words : `${fault.words} (${placeOf(text, fault.at)})`
}

export const tooDeep = `the tags of a narrative nest at most ${deepestTags} levels deep`
export const blank = 'there is no text in it, nor an image; a narrative that says nothing is left out'

const placeOf = (text: string, at: number): string => {
  const before = text.slice(0, at).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

const faultOf = (text: string): Fault | undefined =>
  opening.test(text)
    ? (strangeCharacter(text) ?? treeFault(text))
    : { words: 'it begins with <div and ends with </div>' }

/** There must be no `<` except at the start of a tag. */
const treeFault = (text: string): Fault | undefined => {
  const tree: Tree = { open: [], roots: 0, saysSomething: false }
  let behind = 0
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', behind)) {
    const ahead = textFault(tree, text.slice(behind, at), behind)
    if (ahead !== undefined) return ahead
    const found = text.startsWith('<!--', at) ? commentAt(text, at) : tagAt(text, at)
    if ('words' in found) return found
    const fault = faultIn(tree, found, at)
    if (fault !== undefined) return fault
    behind = found.end
  }
  return textFault(tree, text.slice(behind), behind) ?? wholeFault(tree)
}

const wholeFault = ({ open, roots, saysSomething }: Tree): Fault | undefined => {
  const unclosed = open.at(-1)
  if (unclosed !== undefined) return { words: `<${unclosed}> is never closed` }
  if (roots > 1) return { words: oneDiv }
  return saysSomething ? undefined : { words: blank }
}

const oneDiv = 'it is one <div>, with all else in it'

/** The open elements, and how many there are at the top. */
type Tree = { readonly open: string[]; roots: number; saysSomething: boolean }

/** What is wrong with the text between two tags that begins at `from`. */
const textFault = (tree: Tree, text: string, from: number): Fault | undefined => {
  if (text === '') return undefined
  if (tree.open.length === 0) return /[^ \t\r\n]/.test(text) ? { words: oneDiv } : undefined
  const ending = text.indexOf(']]>')
  if (ending >= 0) return { words: ']]> is written ]]&gt;', at: from + ending }
  const fault = referenceFault(text)
  if (fault !== undefined) return { ...fault, at: from + fault.at }
  tree.saysSomething ||= /\S/.test(unescaped(text))
  return undefined
}

const faultIn = (tree: Tree, { name, kind }: Found, at: number): Fault | undefined => {
  const { open } = tree
  if (kind !== 'comment' && open.length === 0) tree.roots += 1
  if (name === 'img') tree.saysSomething = true
  if (kind === 'end') {
    const last = open.pop()
    if (last === name) return undefined
    return { words: `</${name}> stands where ${last === undefined ? 'nothing' : `<${last}>`} is open`, at }
  }
  return kind === 'start' && open.push(name) > deepestTags ? { words: tooDeep } : undefined
}

const opening = /^[ \t\r\n]*<div[ \t\r\n>/]/

/** `end`: the index after it. */
type Found = { readonly name: string; readonly kind: 'start' | 'end' | 'empty' | 'comment'; readonly end: number }

/** "The string "--" must not occur within comments": https://www.w3.org/TR/xml/#sec-comments */
const commentAt = (text: string, at: number): Found | Fault => {
  const dashes = text.indexOf('--', at + '<!--'.length)
  if (dashes >= 0 && text[dashes + 2] === '>') return { name: '', kind: 'comment', end: dashes + 3 }
  return { words: 'a comment ends with --> and has no other -- in it', at }
}

/** The allowed tag at this place. One pattern for the whole tag would need memory for each letter of an image that is written in an address. */
const tagAt = (text: string, at: number): Found | Fault => {
  nameAt.lastIndex = at
  const [start = '', closing, name = ''] = nameAt.exec(text) ?? []
  if (name === '') return { words: 'a < that begins no tag is written &lt;', at }
  if (!elements.has(name))
    return { words: `<${name.slice(0, 40)}> is no element of it; those are ${[...elements].join(', ')}`, at }
  const from = at + start.length
  const last = endOfTag(text, from)
  if (last === undefined) return { words: `the tag <${name} has no end`, at }
  const isSingle = closing === '' && text[last - 1] === '/'
  const between = text.slice(from, isSingle ? last - 1 : last)
  if (closing !== '') return endTag(name, between, last + 1, at)
  const fault = between === '' ? undefined : attributesFault(name, between)
  if (fault !== undefined) return { words: fault, at }
  return { name, kind: isSingle ? 'empty' : 'start', end: last + 1 }
}

const nameAt = /<(\/?)([A-Za-z][\w:.-]*)/y

const endTag = (name: string, between: string, end: number, at: number): Found | Fault =>
  /[^ \t\r\n]/.test(between) ? { words: `</${name}> has nothing behind its name`, at } : { name, kind: 'end', end }

/** The next `>` that is not within quotes, if no `<` comes before it. */
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

/** HTML 4.0 chapters 7 to 11 (except section 4 of chapter 9) and 15, links, images. */
const elements: ReadonlySet<string> = new Set(
  (
    'a abbr acronym address b big blockquote br caption cite code col colgroup dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 hr ' +
    'i img ins kbd li map area ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var'
  ).split(' '),
)
