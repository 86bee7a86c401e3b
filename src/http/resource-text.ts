import { parseJson } from '../fhir/json.ts'
import type { Xml } from '../fhir/xml/xml.ts'
import type { BundleText } from '../interactions/bundle-text.ts'
import { formats, type Presentation } from './media-type.ts'

/** A resource that lies ready as JSON, as it was asked for; as plain JSON it is not touched. */
export const resourceText = (json: string, { format, pretty }: Presentation, xml: Xml): string => {
  if (format === 'xml') return xmlHead + xml.print(parseJson(json), { pretty })
  return pretty ? JSON.stringify(parseJson(json), null, 2) : json
}

/** A Bundle likewise, entry by entry: no more than one stands in memory. */
export const bundleText = (bundle: BundleText, { format, pretty }: Presentation, xml: Xml): Iterable<string> => {
  if (format === 'xml') return xmlBundle(bundle, pretty, xml)
  return pretty ? prettyBundle(bundle) : bundle
}

export const contentTypeOf = ({ format }: Presentation): string => formats[format].answer

const xmlHead = '<?xml version="1.0" encoding="UTF-8"?>\n'

const xmlBundle = function* ({ head, entries }: BundleText, pretty: boolean, xml: Xml): Generator<string> {
  const empty = xml.print({ resourceType: 'Bundle', ...head }, { pretty })
  const end = empty.lastIndexOf('</Bundle>')
  yield xmlHead + empty.slice(0, end)
  for (const entry of entries) yield xml.printEntry(parseJson(entry), { pretty })
  yield empty.slice(end)
}

const prettyBundle = function* ({ head, entries }: BundleText): Generator<string> {
  yield JSON.stringify({ resourceType: 'Bundle', ...head }, null, 2).slice(0, -2)
  let separator = ',\n  "entry": [\n'
  for (const entry of entries) {
    yield separator + JSON.stringify(parseJson(entry), null, 2).replace(/^/gm, '    ')
    separator = ',\n'
  }
  yield separator === ',\n' ? '\n  ]\n}' : '\n}'
}
