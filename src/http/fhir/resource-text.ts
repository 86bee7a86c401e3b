import { openGiveWay, textInSteps } from '../../fhir/give-way.ts'
import { parseJson } from '../../fhir/json.ts'
import { parseInSteps } from '../../fhir/json-pieces.ts'
import type { Xml } from '../../fhir/xml/xml.ts'
import type { BundleText } from '../../interactions/bundle/bundle-text.ts'
import { formats, type Presentation } from './media-type.ts'

/** A short resource that lies ready as JSON, as it was asked for; as plain JSON it is not touched. */
export const resourceText = (json: string, { format, pretty }: Presentation, xml: Xml): string => {
  if (format === 'xml') return xmlHead + xml.print(parseJson(json), { pretty })
  return pretty ? JSON.stringify(parseJson(json), null, 2) : json
}

/** One of any length likewise, but not as plain JSON, in pieces: others have their turn between them. */
export const resourcePieces = async function* (
  json: string,
  { format, pretty }: Presentation,
  xml: Xml,
): AsyncGenerator<string> {
  if (format === 'xml') yield* textInSteps(withHead(xml.printPieces(await parseInSteps(json), { pretty })))
  else yield JSON.stringify(await parseInSteps(json), null, 2)
}

/** A Bundle likewise, entry by entry: no more than one stands in memory. */
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

/** Of an entry. In a text of JSON no line ends, but at U+2028 one does for a regular expression. */
const indent = '    '
