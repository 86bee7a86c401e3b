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
    'Made from the tables that answer requests; a test holds it to them. What one server says of itself, with all search parameters of each\n' +
      'type, stands in its CapabilityStatement (`/fhir/metadata`) and, to browse, under `/docs`.',
    '## Interactions',
    table(['request', 'name', 'what'], documented.interactions.map(interactionRow)),
    'HEAD answers as GET does, without the body. Below `:type` stand all types of R4. Types, ids and paths that are not known answer 404,\n' +
      'methods 405 with `Allow`.',
    '## Operations',
    table(['operation', 'at', 'of', 'what'], documented.operations.map(operationRow)),
    '## Formats',
    `${documented.formats.map(code).join(', ')}. Errors, Bundles and statements have the format that was asked for. A Binary is read as its content\n` +
      'unless FHIR JSON or XML is asked for by name, and written as content of any type.',
    '## Narratives',
    'The `div` of a `text` is well-formed XML in JSON as well (422): attributes in quotes and each once, `&` as `&amp;`, `&nbsp;` as `&#160;`. It has text or an\n' +
      `image, and the elements of basic XHTML without scripts. Addresses are relative, or begin with ${schemes.map(scheme => code(`${scheme}:`)).join(', ')},\n` +
      'in `src` also with `data:image/`. One that was stored before and is not well-formed goes out in XML as its text.',
    '## Search',
    `${documented.registry.resourceTypes.length} types have ${countOf(documented)} search parameters between them. Several values of one parameter, separated by commas, mean or; several\n` +
      'parameters mean and. A parameter that is not known, of a search or of a history, is refused with 400, or passed over under `Prefer: handling=lenient`; so is, of a search, one that has no\n' +
      'value (`patient=`), which would be a question about everybody. `_query` is never passed over. A backslash stands before `,`, `$`, `|` or another (400).',
    '### Modifiers',
    table(['modifier', 'of the types'], modifierRows(documented)),
    'A string is found by the beginning of any of its words, of a long one those among its first 200 letters: case, accents, punctuation and repeated blanks are ignored. `family=quinones` finds\n' +
      "*Carreño Quiñones*, and `OBrien`, `O Brien` and `O’Brien` find *O'Brien*. For `:contains` punctuation counts, for `:exact` every character. Tokens are compared as they are written, but for\n" +
      'e-mail addresses and strings, of which case is ignored.',
    '`_text` and `_content` take words, of which all are meant, `"a phrase"`, `AND`, `OR`, `-without` and brackets, at most 50 of those and `AND`: `(bone OR liver) and metastases`. A word is found whole.',
    '### Prefixes',
    table(['type', 'prefixes'], prefixRows(documented)),
    'A date is a range, and so is each value: `ge` and `le` find what reaches into the value or beyond it, `gt` and `lt` what reaches beyond it: beyond the whole day, month or year. After a time\n' +
      'with seconds is what comes behind the first instant of that second: `_lastUpdated=gt2026-03-01T04:09:43Z` finds what was written at 04:09:43.015.',
    '### Beyond one resource',
    table(
      ['parameter', 'what'],
      [
        ['`a.b`, `a:Type.b`', 'Chains: what a reference leads to has the property.'],
        ['`_has`', hasText],
        ...universalParameters.map(({ name, documentation }) => [code(name), documentation]),
        ...entriesOf(includeText),
      ],
    ),
    '### The answer',
    table(['parameter', 'what'], entriesOf(resultText)),
    'What is updated while a page is put together stands on it as it was found, and what is deleted is left out. A page without any match has none behind it.',
    'Administrators of the installation may add `_explain=true` to a search: a Parameters resource tells the question as an expression, with\n' +
      'what their rights leave of it, each SQL statement with its values, and its plan. With `_explain=analyze` the statements run, read-only, and\n' +
      'the plan has their times. It holds no row, and no count of rows that a step has seen; the estimates of a plan come from the statistics that\n' +
      'PostgreSQL keeps of whole tables, so they tell of those. To everybody else it is a parameter that is not known.',
    '## Headers',
    table(['header', 'what'], entriesOf(headerText)),
    '## Answers that come later',
    'Under `Prefer: respond-async` a Bundle whose entries all write, or a search of a type without a total, is answered 202 with `Content-Location`, and\n' +
      'anything else at once. There GET answers 202 with `X-Progress` and `Retry-After` until it is done, then 200 with a Bundle of type `batch-response`: its\n' +
      'one entry has the status, and as its resource the Bundle that would have been the answer, or an outcome where it was refused. DELETE cancels it. It is\n' +
      'done by the scopes of the token that asked, unless that is revoked, and is there for a day, for tokens of the same person, client, scopes and\n' +
      'context alone. What a search found is read anew when it is fetched, as far as the caller may see it then.',
    '## Limits',
    table(['of', 'at most'], Object.entries(documented.limits)),
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
  yield '`_contained=true` and `_contained=both`: what is contained is found in no search, and answered within the resource around it.'
  for (const [url, why] of Object.entries(unsupportedParameters)) yield `The parameter of ${code(url)}: ${why}.`
  if (!formats.includes('ttl')) yield 'Turtle: nobody has asked for it.'
  yield 'Chains into contained resources (`medication.code` of a Medication that the MedicationRequest contains): what is contained is found by the resource around it.'
  yield 'Comments in XML outside of narratives, and `fhir_comments`: R4 does not have them.'
  yield 'Exponents of decimals: `1.2e2` is stored, and answered, as `120`.'
  yield 'Writing a part of a resource, which is marked `SUBSETTED`: it is refused, and takes the place of no whole one.'
  yield 'A property that stands twice in a JSON object: the body is refused (400), as JSON readers keep one of the two and tell nobody which.'
  yield 'References of criteria (`Patient?identifier=…`) outside of transactions, and from an entry of a batch to another by its `fullUrl`: refused ' +
    '(422), since nothing would ever lead to what they mean. A reference by the address of this server is stored, and found, as the relative one.'
  yield 'Polling without an overlap: what is written has the time at which its writing began, and is seen once all of it is committed. Whoever asks by ' +
    '`_lastUpdated` or `_since` over and over asks from five minutes before the last question on, and leaves out what they know by id and version.'
  yield 'Codes and identifiers in other letters than they are stored in (`identifier=abc` for `ABC`): they are compared as they stand, in scopes ' +
    'and consents as well as in searches. Texts are found in any case.'
  yield 'A 204 for deleting what was never there: it is 404, also within a transaction, so that who withdraws something by an id that is mistyped is ' +
    'told. Deleting by criteria, and deleting again, is answered 204 where there is nothing left.'
  yield 'A new resource under an id of the client, but for imports: `PUT` to an id that is not there answers 404.'
}
