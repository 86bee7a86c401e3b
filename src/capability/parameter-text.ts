import type { includeNames } from '../search/include.ts'
import { defaultCount, maxCount, type ResultName } from '../search/result-parameter.ts'

/** What the parameters mean that are not SearchParameters. */
export const resultText: Readonly<Record<ResultName, string>> = {
  _count: `How many matches a page has: ${defaultCount} unless said, ${maxCount} at most; 0 for the count alone.`,
  _sort: 'Parameters in the order in which they count, each with a "-" for descending.',
  _total: 'none (the default), estimate or accurate.',
  _summary: 'true, text, data, count or false.',
  _elements: 'The top-level elements of the matches that are answered, beside the mandatory ones.',
  _contained: 'false (the default): what a resource contains is answered within it alone.',
  _containedType: 'container or contained: it changes nothing, where nothing contained is asked for.',
  _cursor:
    'What a next link carries, beside nothing but _count, _format and _pretty: opaque, encrypted, for one day and this caller only.',
  _format: 'json, xml or one of their MIME types; it goes before Accept.',
  _pretty: 'true spreads the answer over lines.',
}

export const includeText: Readonly<Record<(typeof includeNames)[number], string>> = {
  _include:
    'Type:parameter, Type:parameter:Target, Type:* or *; with :iterate also from what came along. A reference with a version brings the current one, a canonical with a version that alone.',
  _revinclude: 'The same in the other direction.',
}

export const hasText =
  'Resources that some other resource refers to which has the property: _has:Observation:patient:code=x; nested, with chains inside.'

/** What requests may say in their headers. */
export const headerText: Readonly<Record<string, string>> = {
  Accept: 'The format of the answer, by quality; of a Binary also the type of its content.',
  'Content-Type': 'The format of the body; application/json-patch+json of a JSON Patch; of a Binary any.',
  'Content-Encoding': 'gzip or deflate.',
  'If-Match':
    'An update, a patch or a deletion only of the version that is named, or of one of several: else 412. With *, only of what is there.',
  'If-None-Match':
    'A read only where the version is another: else 304. With *, a write only where there is nothing yet: else 412.',
  'If-Modified-Since': 'A read only where something has changed since: else 304.',
  'If-Unmodified-Since':
    'A write only where nothing has changed since, to the second: else 412. Beside If-Match it is passed over.',
  'If-None-Exist': 'A create only where nothing matches the criteria.',
  Prefer:
    'return=minimal, representation or OperationOutcome; handling=strict (the default) or lenient; respond-async where the answer may come later, which is done for Bundles of writes and for searches of a type without a total.',
  'X-Security-Context': 'Of a Binary that is written as content: its securityContext.',
}
