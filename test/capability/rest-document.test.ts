import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { mostPermits } from '../../src/access/consent-permit.ts'
import { toRestDocument } from '../../src/capability/rest-document.ts'
import { configurationTable } from '../../src/config.ts'
import { mostSaid } from '../../src/fhir/error.ts'
import { deepestJson } from '../../src/fhir/nesting.ts'
import { mostOperations } from '../../src/fhir/patch/json-patch.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { deepestTags } from '../../src/fhir/validate/narrative.ts'
import { longestString } from '../../src/fhir/validate/primitive.ts'
import { deepestPath } from '../../src/fhir/validate/walk.ts'
import { deepestElement } from '../../src/fhir/xml/parse.ts'
import { mostFormBytes, mostValuesIn } from '../../src/http/fhir/fhir-body.ts'
import { servedFormats } from '../../src/http/fhir/media-type.ts'
import { mostHeaderBytes } from '../../src/http/server.ts'
import { longestUrl, mostEntries } from '../../src/interactions/bundle/entry.ts'
import { mostLinks } from '../../src/interactions/incoming/too-many.ts'
import { interactions } from '../../src/interactions/interactions.ts'
import { mostLinkBytes } from '../../src/interactions/search/paging.ts'
import { operations } from '../../src/operations/operations.ts'
import { mostConcepts } from '../../src/search/concepts.ts'
import {
  longestText,
  mostFilters,
  mostHops,
  mostHopsInAll,
  mostIncludes,
  mostParameters,
  mostValues,
  mostWeighed,
} from '../../src/search/limit.ts'
import { roomOfBundle, roomOfPage } from '../../src/search/room.ts'
import { mostKeyBytes } from '../../src/storage/prepare/dictionary.ts'
import { mostCodings, mostComponents } from '../../src/storage/prepare/observation-facts.ts'

const file = new URL('../../docs/rest.md', import.meta.url)

const configured = (name: string) => configurationTable.find(one => one.name === name)?.default

const limits = {
  'a body, once it is decompressed': `${configured('MAX_BODY_BYTES')} bytes unless \`MAX_BODY_BYTES\` says otherwise (413)`,
  'JSON values in a body: numbers, texts, lists and all others': `${mostValuesIn(Number(configured('MAX_BODY_BYTES')))}, one for each 8 bytes of \`MAX_BODY_BYTES\` (413)`,
  'levels of nested JSON in a body': `${deepestJson} (400)`,
  'the path to an element that has elements of its own, such as `Patient.contact[0].name`: names and indexes': `${deepestPath} (400), which 100 lists in one another exceed`,
  'a resource that PATCH or `$meta-add` has changed':
    'as many characters or, if it had more already, 10000 more than it had (413)',
  'requests that one process works on at the same time': `${configured('MAX_REQUESTS_IN_FLIGHT')} unless \`MAX_REQUESTS_IN_FLIGHT\` says otherwise (429 with Retry-After)`,
  'of these, of one caller':
    'four fifths of `POOL_SIZE`; beside others, a sixth for whoever has kept connections for long, and a third for all of these together ([ADR 41](adr/041-turns-divided-among-callers.md)); three fifths for all that is not expected to be short ([ADR 47](adr/047-turns-expected-to-be-short.md)); the caller’s other requests wait',
  'of these, with a large body': `${configured('MAX_UPLOADS_IN_FLIGHT')} unless \`MAX_UPLOADS_IN_FLIGHT\` says otherwise (429 with Retry-After)`,
  'requests of one person or client that are to be answered later': '20 under way (429)',
  'a form of `_search`': `${mostFormBytes} bytes (413)`,
  'the URL and all headers together': `${mostHeaderBytes} bytes (431); longer searches go by POST`,
  'a link to another page, compressed': `${mostLinkBytes} bytes; a search that would need a longer one is refused (400)`,
  'a page of a search, of a history, of `$events` or of `$everything`': `${roomOfPage} characters: it ends before what would not fit, but has at least one resource, and its \`next\` continues there. Included resources for which there is no room are left out, and an OperationOutcome says so`,
  'the answer of `$lastn`': `10000 Observations, and ${roomOfPage} characters in all (422)`,
  'the answers to the entries of one Bundle': `${roomOfBundle} characters; the entries after that are refused (400)`,
  'stored resources that its writes have to read: what PATCH changes, and If-None-Exist finds': `${roomOfBundle} characters; the same`,
  'components of an Observation': `${mostComponents} (422)`,
  'codings of the codes of an Observation and of its components, all together': `${mostCodings} (422)`,
  'links of a Person': `${mostLinks} (422)`,
  'the code of an Observation or of a component, or a unit, each with its system; all the kinds that an Observation measures': `${mostKeyBytes} bytes (422)`,
  'permits of a Consent, one for each kind, source and period that its denies leave': `${mostPermits}; and a million comparisons of permits with denies (422)`,
  'entries of a Bundle': `${mostEntries} (400)`,
  'operations of a patch': `${mostOperations} (400)`,
  'the `fullUrl` of an entry': `${longestUrl} characters (400)`,
  'parameters of a search': `${mostParameters} (400)`,
  '`_include` and `_revinclude` in a search, which are not counted among these': `${mostIncludes} (400)`,
  'values of a search, all parameters together': `${mostValues} (400)`,
  '`_filter` in a search': `${mostFilters} (400)`,
  'values of a search that are not compared all at once, as codes and ids are': `${mostWeighed} (400)`,
  'codes of the value sets that a search asks for, all together': `${mostConcepts} (400)`,
  'a text that `_text` or `_content` looks for': `${longestText} characters (400)`,
  'references that one parameter leads through': `${mostHops} (400)`,
  'references that all parameters together lead through': `${mostHopsInAll} (400)`,
  'the text of an issue of an OperationOutcome': `${mostSaid} characters; the middle of a longer one, which may quote what was sent, is left out`,
  'a string or a markdown': `${longestString} characters (422)`,
  'levels of tags in a narrative': `${deepestTags} (400)`,
  'levels of elements in XML': `${deepestElement} (400); no document type declaration, so no entities`,
}

t.test('docs/rest.md says what the tables say (run this file with --update after a change of theirs)', async t => {
  const text = toRestDocument({ registry: loadRegistry(), interactions, operations, formats: servedFormats, limits })
  if (process.argv.includes('--update')) writeFileSync(file, text)
  t.equal(text, readFileSync(file, 'utf8'), 'node test/capability/rest-document.test.ts --update')
})
