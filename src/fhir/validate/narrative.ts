/** The limits of XHTML in a narrative. https://hl7.org/fhir/R4/narrative.html#xhtml */

import { attributesFault } from './narrative-attribute.ts'
import { type Fault, referenceFault, strangeCharacter, unescaped } from './narrative-character.ts'

/** Readers of XML look through all that is open for each tag; those of screens and of paper stop far above it. */
export const deepestTags = 200

/**
 * What txt-1 asks: one `div` of well-formed XML and allowed elements, without scripts or handlers of events. Said in words, `tooDeep`
 * where they nest beyond measure, `blank` where txt-2 alone is broken: there is neither text nor an image.
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

/** No `<` stands anywhere but at the start of a tag. */
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

/** What is open, and how many stand beside each other at the top. */
type Tree = { readonly open: string[]; roots: number; saysSomething: boolean }

/** Of what stands between two tags, and begins at `from`. */
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

/** `end`: behind it. */
type Found = { readonly name: string; readonly kind: 'start' | 'end' | 'empty' | 'comment'; readonly end: number }

/** "The string "--" must not occur within comments": https://www.w3.org/TR/xml/#sec-comments */
const commentAt = (text: string, at: number): Found | Fault => {
  const dashes = text.indexOf('--', at + '<!--'.length)
  if (dashes >= 0 && text[dashes + 2] === '>') return { name: '', kind: 'comment', end: dashes + 3 }
  return { words: 'a comment ends with --> and has no other -- in it', at }
}

/** An allowed one. A pattern for all of it would need room for each letter of an image that stands in its address. */
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
