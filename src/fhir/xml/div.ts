import { SaxesParser } from 'saxes'
import { deepestTags } from '../validate/narrative.ts'
import { escapeXml } from './escape.ts'

export const xhtmlNamespace = 'http://www.w3.org/1999/xhtml'

/**
 * The div of a narrative as part of an XML document. If it is not well-formed, only its text. Empty pieces come first while it is checked.
 * https://hl7.org/fhir/R4/narrative.html
 */
export const narrativeXml = function* (div: string): Generator<'', string> {
  const named = div.replace(/^\s*<div(?![^>]*\sxmlns\s*=)/, start => `${start} xmlns=${JSON.stringify(xhtmlNamespace)}`)
  const text = named.replace(/&(?!(?:#\d+|#x[\da-fA-F]+|amp|lt|gt|quot|apos);)/g, '&amp;')
  if (yield* isWellFormed(text)) return text
  return `<div xmlns="${xhtmlNamespace}">${escapeXml(div.replace(/<[^<>]*>/g, ''))}</div>`
}

/** In steps: if the text is long, others must have their turn. */
const isWellFormed = function* (text: string): Generator<'', boolean> {
  const parser = new SaxesParser({ xmlns: true, position: false })
  refuseDepth(parser)
  try {
    for (let at = 0; at < text.length; at += pieceLength) {
      parser.write(text.slice(at, at + pieceLength))
      yield ''
    }
    parser.close()
    return true
  } catch {
    return false
  }
}

const pieceLength = 64 * 1024

/** Refuses an old narrative that was stored before such depth was refused: for each tag, the parser looks through all open elements. */
const refuseDepth = (parser: SaxesParser<{ xmlns: true }>): void => {
  let open = 0
  parser.on('opentagstart', () => {
    open += 1
    if (open > deepestTags) throw new Error('too deep')
  })
  parser.on('closetag', () => {
    open -= 1
  })
}
