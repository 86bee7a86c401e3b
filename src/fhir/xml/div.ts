import { SaxesParser } from 'saxes'
import { deepestTags } from '../validate/narrative.ts'
import { escapeXml } from './escape.ts'

export const xhtmlNamespace = 'http://www.w3.org/1999/xhtml'

/** The div of a narrative as a part of XML; where it is none of its own accord, its text alone. https://hl7.org/fhir/R4/narrative.html */
export const narrativeXml = (div: string): string => {
  const named = div.replace(/^\s*<div(?![^>]*\sxmlns\s*=)/, start => `${start} xmlns=${JSON.stringify(xhtmlNamespace)}`)
  const text = named.replace(/&(?!(?:#\d+|#x[\da-fA-F]+|amp|lt|gt|quot|apos);)/g, '&amp;')
  if (isWellFormed(text)) return text
  return `<div xmlns="${xhtmlNamespace}">${escapeXml(div.replace(/<[^>]*>/g, ''))}</div>`
}

const isWellFormed = (text: string): boolean => {
  try {
    const parser = new SaxesParser({ xmlns: true, position: false })
    refuseDepth(parser)
    parser.write(text).close()
    return true
  } catch {
    return false
  }
}

/** What is deeper was stored before that was refused: at each tag the parser looks through all that are open. */
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
