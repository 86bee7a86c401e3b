import { unsupportedParameters } from '../fhir/definition/registry-search-parameters.ts'
import { schemes } from '../fhir/validate/narrative-attribute.ts'
import type { Interaction } from '../interactions/interaction.ts'
import type { Operation } from '../operations/operation.ts'
import { parseModifier } from '../search/modifier.ts'
import { laterNames, parseSearch } from '../search/parse.ts'
import { prefixes } from '../search/prefix.ts'
import { universalParameters } from '../search/universal-parameter.ts'
import { hasText, headerText, includeText, resultText } from './parameter-text.ts'
import type { Served } from './statement.ts'

export type Documented = Omit<Served, 'codeClasses' | 'version'> & {
  /** By what is limited: how much of it is accepted. */
  readonly limits: Readonly<Record<string, string>>
}

/** `docs/rest.md`: what is supported, from the tables that answer requests. */
export const toRestDocument = (documented: Documented): string =>
  `${[
    '# The REST interface',
    'This page is made from the tables that answer requests, and a test compares them. What a server says about itself, with all search parameters of each\n' +
      'type, is in its CapabilityStatement (`/fhir/metadata`) and, to browse, at `/docs`.',
    '## Interactions',
    table(['request', 'name', 'what'], documented.interactions.map(interactionRow)),
    'HEAD answers like GET, without the body. `:type` is any type of R4. Unknown types, ids and paths are answered 404,\n' +
      'other methods 405 with `Allow`.',
    '## Operations',
    table(['operation', 'at', 'of', 'what'], documented.operations.map(operationRow)),
    'Their parameters are in the OperationDefinitions that the CapabilityStatement names. Those of our own are stored here, for whoever has a scope for OperationDefinition:\n' +
      '`OperationDefinition?code=series`. By GET, an operation takes those whose values are primitive; others are posted in a Parameters resource.',
    '## Formats',
    `${documented.formats.map(code).join(', ')}. Errors, Bundles and statements have the requested format. A Binary is read as its content\n` +
      'unless FHIR JSON or XML is requested by name, and written as content of any type.',
    '## Narratives',
    'The `div` of a `text` must be well-formed XML in JSON as well (422): attributes in quotes and only once each, `&` as `&amp;`, `&nbsp;` as `&#160;`. It contains text or an\n' +
      `image, and may have the elements of basic XHTML without scripts. Addresses are relative, or begin with ${schemes.map(scheme => code(`${scheme}:`)).join(', ')},\n` +
      'in `src` also with `data:image/`. If a narrative was stored earlier and is not well-formed, XML has only its text.',
    '## Search',
    `${documented.registry.resourceTypes.length} types have ${countOf(documented)} search parameters in all. Several values of one parameter, separated by commas, mean or; several\n` +
      'parameters mean and. Unknown parameters, of a search or of a history, are refused with 400, or ignored with `Prefer: handling=lenient`; so are parameters of a search without a\n' +
      'value (`patient=`), which would ask about everybody. `_query` is never ignored. A backslash is only allowed before `,`, `$`, `|` or another backslash (400).',
    '### Modifiers',
    table(['modifier', 'of the types'], modifierRows(documented)),
    'A string is found by the beginning of any of its words (in a long string, of those among its first 200 letters). Case, accents, punctuation, repeated blanks and what cannot be seen (soft hyphens, marks of direction) are ignored. `family=quinones` finds\n' +
      "*Carreño Quiñones*, `strasse` *Straße*, `soren` *Søren*, and `OBrien`, `O Brien` and `O’Brien` find *O'Brien*; `phonetic` compares like `name`, by letters and not by sound. For `:contains` punctuation counts, for `:exact` every character. Tokens are compared as they are written, except\n" +
      'e-mail addresses and strings, for which case is ignored.',
    '`_text` and `_content` accept words, all of which must occur, `"a phrase"`, `AND`, `OR`, `-without` and brackets (at most 50 of these and `AND`): `(bone OR liver) and metastases`. Only whole words are found.',
    '### Prefixes',
    table(['type', 'prefixes'], prefixRows(documented)),
    'A date is a range, and so is each value: `ge` and `le` find what reaches into the value or beyond it, `gt` and `lt` what reaches beyond it, that is, beyond the whole day, month or year. For a time\n' +
      'with seconds, everything after the first instant of that second is later: `_lastUpdated=gt2026-03-01T04:09:43Z` finds what was written at 04:09:43.015.\n' +
      'What has no offset is in UTC, in a search as well as in a resource: `date=2026-03-29` is that day in UTC.',
    '### Beyond one resource',
    table(
      ['parameter', 'what'],
      [
        ['`a.b`, `a:Type.b`', 'Chains: the resource to which a reference leads has the property.'],
        ['`_has`', hasText],
        ...universalParameters.map(({ name, documentation }) => [code(name), documentation]),
        ...entriesOf(includeText),
      ],
    ),
    '### The answer',
    table(['parameter', 'what'], entriesOf(resultText)),
    'If a resource is updated while a page is put together, the page has it as it was found; if it is deleted, it is left out. After a page without any match there is no other.',
    'Administrators of the installation may add `_explain=true` to a search. The answer is a Parameters resource with the question as an expression, the\n' +
      'same as restricted by their rights, each SQL statement with its values, and its plan. With `_explain=analyze` the statements run, read-only, and\n' +
      'the plan has their times. It contains no rows, and no counts of rows that a step has seen; the estimates in a plan come from the statistics that\n' +
      'PostgreSQL keeps about whole tables, and describe those. For everybody else the parameter is unknown.',
    '## Headers',
    table(['header', 'what'], entriesOf(headerText)),
    '## Answers that come later',
    'With `Prefer: respond-async` a Bundle whose entries all write, or a search of a type without a total, is answered 202 with `Content-Location`, and\n' +
      'anything else at once. At that address GET answers 202 with `X-Progress` and `Retry-After` until it is done, then 200 with a Bundle of type `batch-response`: its\n' +
      'only entry has the status and, as its resource, the Bundle that would have been the answer, or an outcome if it was refused. DELETE cancels it. It is\n' +
      'done with the scopes of the token that asked, unless that is revoked, and each part with what its caller may do by then. It is available for a day, only to tokens of the same person, client, scopes and\n' +
      'context. What a search found is read anew when it is fetched, as far as the caller may see it then.',
    '## Limits',
    table(['what', 'at most'], Object.entries(documented.limits)),
    '## Not supported',
    [...notSupported(documented)].map(line => `- ${line}`).join('\n'),
  ].join('\n\n')}\n`

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(row => `| ${row.map(cell).join(' | ')} |`).join('\n')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const code = (text: string): string => `\`${text}\``

const entriesOf = (texts: Readonly<Record<string, string>>): string[][] =>
  Object.entries(texts).map(([name, text]) => [code(name), text])

const interactionRow = ({ method, path, name, documentation }: Interaction): string[] => [
  code(`${method} /${path}`),
  name,
  documentation,
]

const operationRow = ({ name, methods, at, types, documentation }: Operation): string[] => [
  code(`$${name}`),
  `${Object.keys(at).join(', ')} (${methods.join(', ')})`,
  types === 'all' ? 'all types' : types.join(', '),
  documentation,
]

const parametersOf = ({ registry }: Documented) =>
  registry.resourceTypes.flatMap(type => registry.searchParametersOf(type).map(parameter => ({ type, parameter })))

const countOf = (documented: Documented): number => parametersOf(documented).length

/** Each is tried on every parameter: what the parser accepts is supported. */
const modifierRows = (documented: Documented): string[][] =>
  modifiers.flatMap(modifier => {
    const types = parametersOf(documented)
      .filter(({ parameter }) => succeeds(() => parseModifier(parameter, modifier, parameter.code)))
      .map(({ parameter }) => parameter.type)
    return types.length === 0 ? [] : [[code(`:${modifier}`), [...new Set(types)].sort().join(', ')]]
  })

const modifiers = [
  ...['missing', 'exact', 'contains', 'text', 'not', 'in', 'not-in', 'above', 'below', 'identifier', 'of-type'],
  'Patient',
]

const prefixRows = (documented: Documented): string[][] =>
  Object.entries(prefixed).map(([type, sample]) => {
    const found = parametersOf(documented).find(({ parameter }) => parameter.type === type)
    const taken = prefixes.filter(prefix =>
      succeeds(() => {
        if (found === undefined) throw new Error(`no parameter is a ${type}`)
        const query = new URLSearchParams({ [found.parameter.code]: `${prefix}${sample}` })
        return parseSearch(documented.registry, found.type, query)
      }),
    )
    return [type, taken.map(code).join(' ')]
  })

const prefixed = { date: '2026-03-01', number: '1.10', quantity: '1.10' } as const

const succeeds = (run: () => unknown): boolean => {
  try {
    run()
    return true
  } catch {
    return false
  }
}

const notSupported = function* ({ formats }: Documented): Generator<string> {
  for (const name of laterNames) yield `The parameter ${code(name)}.`
  yield '`_contained=true` and `_contained=both`: searches do not find contained resources, which are answered inside the resource that contains them.'
  for (const [url, why] of Object.entries(unsupportedParameters)) yield `The parameter of ${code(url)}: ${why}.`
  if (!formats.includes('ttl')) yield 'Turtle: nobody has asked for it.'
  yield 'Chains into contained resources (`medication.code` of a Medication that the MedicationRequest contains): what is contained can only be found through the resource that contains it.'
  yield 'Comments in XML outside of narratives, and `fhir_comments`: R4 does not have them.'
  yield 'Exponents of decimals: `1.2e2` is stored and answered as `120`.'
  yield 'Writing a part of a resource, which is marked `SUBSETTED`: it is refused, so that it cannot replace a whole one.'
  yield 'A property that occurs twice in a JSON object: the body is refused (400), since JSON readers silently keep one of the two.'
  yield 'References of criteria (`Patient?identifier=…`) outside of transactions, and from an entry of a batch to another by its `fullUrl`: refused ' +
    '(422), since nothing would ever lead to what they mean. A reference by the address of this server is stored and found as the relative one.'
  yield 'Polling without an overlap: what is written has the time at which its writing began, and is visible once all of it is committed. Whoever polls by ' +
    '`_lastUpdated` or `_since` should ask from five minutes before the last poll on, and ignore what they know already by id and version.'
  yield 'Codes and identifiers in another case than they are stored in (`identifier=abc` for `ABC`): they are compared as they are written, in scopes ' +
    'and consents as well as in searches. Texts are found in any case.'
  yield 'A 204 for deleting what never existed: it is 404, also within a transaction, so that whoever withdraws something by a mistyped id is ' +
    'told. Deleting by criteria, and deleting again, is answered 204 if there is nothing left.'
  yield 'A new resource with an id of the client, except for imports: `PUT` to an id that does not exist answers 404.'
}
