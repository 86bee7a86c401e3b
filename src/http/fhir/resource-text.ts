import { openGiveWay, textInSteps } from '../../fhir/give-way.ts'
import { parseJson } from '../../fhir/json.ts'
import { parseInSteps } from '../../fhir/json-pieces.ts'
import type { Xml } from '../../fhir/xml/xml.ts'
import type { BundleText } from '../../interactions/bundle/bundle-text.ts'
import { formats, type Presentation } from './media-type.ts'

/** A short resource that is at hand as JSON, in the requested form. As plain JSON it is not touched. */
export const resourceText = (json: string, { format, pretty }: Presentation, xml: Xml): string => {
  if (format === 'xml') return xmlHead + xml.print(parseJson(json), { pretty })
  return pretty ? JSON.stringify(parseJson(json), null, 2) : json
}

/** The same for a resource of any length, except as plain JSON, in pieces: other requests have their turn between them. */
export const resourcePieces = async function* (
  json: string,
  { format, pretty }: Presentation,
  xml: Xml,
): AsyncGenerator<string> {
  if (format === 'xml') yield* textInSteps(withHead(xml.printPieces(await parseInSteps(json), { pretty })))
  else yield JSON.stringify(await parseInSteps(json), null, 2)
}

/** The same for a Bundle, entry by entry: no more than one is in memory. */
export const bundlePieces = async function* (
  bundle: BundleText,
  { format, pretty }: Presentation,
  xml: Xml,
): AsyncGenerator<string> {
  if (format === 'xml') yield* xmlBundle(bundle, pretty, xml)
  else yield* pretty ? prettyBundle(bundle) : textInSteps(bundle)
}

export const contentTypeOf = ({ format }: Presentation): string => formats[format].answer

const xmlHead = '<?xml version="1.0" encoding="UTF-8"?>\n'

const withHead = function* (pieces: Iterable<string>): Generator<string> {
  let head = xmlHead
  for (const piece of pieces) {
    yield piece === '' ? '' : head + piece
    if (piece !== '') head = ''
  }
}

const xmlBundle = async function* ({ head, entries }: BundleText, pretty: boolean, xml: Xml): AsyncGenerator<string> {
  const empty = xml.print({ resourceType: 'Bundle', ...head }, { pretty })
  const end = empty.lastIndexOf('</Bundle>')
  yield xmlHead + empty.slice(0, end)
  const giveWay = openGiveWay()
  for (const entry of entries) yield* textInSteps(xml.printEntry(await parseInSteps(entry), { pretty }), giveWay)
  yield empty.slice(end)
}

const prettyBundle = async function* ({ head, entries }: BundleText): AsyncGenerator<string> {
  yield JSON.stringify({ resourceType: 'Bundle', ...head }, null, 2).slice(0, -2)
  let separator = ',\n  "entry": [\n'
  const giveWay = openGiveWay()
  for (const entry of entries) {
    await giveWay()
    yield separator + indent + JSON.stringify(await parseInSteps(entry), null, 2).replaceAll('\n', `\n${indent}`)
    separator = ',\n'
  }
  yield separator === ',\n' ? '\n  ]\n}' : '\n}'
}

/** Of an entry. No string of JSON contains a `\n`, but it may contain U+2028, at which a line ends for a regular expression. */
const indent = '    '
