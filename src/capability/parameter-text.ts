import { contextsText } from '../access/rules/binary.ts'
import type { includeNames } from '../search/parameter-name.ts'
import { defaultCount, maxCount, type ResultName } from '../search/result-parameter.ts'

/** What the parameters mean that are not SearchParameters. */
export const resultText: Readonly<Record<ResultName, string>> = {
  _count: `How many matches a page has: ${defaultCount} by default, ${maxCount} at most; 0 for only the count.`,
  _sort:
    'Parameters by which to sort, the most important first; with a "-" in front for descending order. Numbers in strings are sorted by their value.',
  _total: 'none (the default), estimate or accurate.',
  _summary: 'true, text, data, count or false.',
  _elements: 'Which top-level elements of the matches are answered, besides the mandatory ones.',
  _contained: 'false (the default): contained resources are only answered inside the resource that contains them.',
  _containedType: 'container or contained; changes nothing, since contained resources cannot be searched.',
  _cursor:
    'Carried by next links, together with only _count, _format and _pretty: opaque, encrypted, valid for one day and this caller only.',
  _format: 'json, xml or one of their MIME types; it takes precedence over Accept.',
  _pretty: 'true puts line breaks into the answer.',
}

export const includeText: Readonly<Record<(typeof includeNames)[number], string>> = {
  _include:
    'Type:parameter, Type:parameter:Target, Type:* or *; with :iterate also from what was included. A reference with a version includes the current version, a canonical with a version only that version.',
  _revinclude: 'The same in the other direction.',
}

export const hasText =
  'Resources to which some other resource refers that has the property: _has:Observation:patient:code=x. May be nested, with chains inside.'

export const historyText: Readonly<Record<string, string>> = {
  _since: 'Only versions that were made at this instant, or later.',
  _at: 'Only versions that were current at some point in this time: an instant, a day, a month or a year.',
}

/** What requests may say in their headers. */
export const headerText: Readonly<Record<string, string>> = {
  Accept: 'The format of the answer, by quality; for a Binary also the type of its content.',
  'Content-Type': 'The format of the body; application/json-patch+json for a JSON Patch; any type for a Binary.',
  'Content-Encoding': 'gzip or deflate.',
  'If-Match':
    'Update, patch or delete only if the current version is named, alone or as one of several; else 412, or 404 if there is none. With *, only if the resource exists.',
  'If-None-Match':
    'Read only if the version is a different one; else 304. With *, write only if there is nothing yet; else 412.',
  'If-Modified-Since': 'Read only if something has changed since; else 304.',
  'If-Unmodified-Since':
    'Write only if nothing has changed since, to the second; else 412. Ignored together with If-Match.',
  'If-None-Exist': 'Create only if nothing matches the criteria.',
  Prefer:
    'return=minimal, representation or OperationOutcome; handling=strict (the default) or lenient; respond-async if the answer may come later, which applies to Bundles of writes and to searches of a type without a total.',
  'X-Security-Context': `For a Binary that is written as content: its securityContext, the reference of a ${contextsText}. Whoever may read or change that resource may read or change the Binary (that of a ResearchSubject is read by those who invite them); one with another context is shown to nobody.`,
}
