import { FhirError } from '../../fhir/error.ts'

/** The names by which a format is requested and sent. https://hl7.org/fhir/R4/http.html#mime-type */
export const formats = {
  json: {
    types: ['application/fhir+json', 'application/json', 'application/json+fhir', 'text/json'],
    answer: 'application/fhir+json; charset=utf-8',
  },
  xml: {
    types: ['application/fhir+xml', 'application/xml', 'text/xml', 'application/xml+fhir'],
    answer: 'application/fhir+xml; charset=utf-8',
  },
} as const

export type Format = keyof typeof formats

/** A search's matches as lines, each a resource. http://ndjson.org */
export const lines = {
  types: ['application/fhir+ndjson', 'application/ndjson', 'application/x-ndjson'],
  answer: 'application/fhir+ndjson; charset=utf-8',
} as const

/** What can be requested: a format, or lines. */
const answers = { ...formats, ndjson: lines } as const

type Answer = keyof typeof answers
export const patchType = 'application/json-patch+json'
export const formType = 'application/x-www-form-urlencoded'

/** All of them, JSON first. */
export const formatNames = Object.keys(formats) as Format[]

const answerNames = Object.keys(answers) as Answer[]

/** As named in the CapabilityStatement. */
export const servedFormats: readonly string[] = answerNames.flatMap(name => [name, answers[name].types[0]])

/** How a request wants its answer. If it wants lines, anything else comes as JSON. */
export type Presentation = { readonly format: Format; readonly pretty: boolean; readonly lines: boolean }

/**
 * By `_format` if it is given, else by Accept; undefined if nothing that is requested is among what is served there. Formats of the same preference
 * come in the order of the header; `*`/`*` means JSON.
 */
export const presentationOf = (
  accept: string | undefined,
  query: URLSearchParams,
  served: readonly Answer[] = answerNames,
): Presentation | undefined => {
  const asked = query.get('_format')
  const answer = asked === null ? acceptedAnswer(accept ?? '', served) : answerNamed(asked)
  if (answer === undefined || !served.includes(answer)) return undefined
  const pretty = query.get('_pretty') === 'true'
  return answer === 'ndjson' ? { format: 'json', pretty, lines: true } : { format: answer, pretty, lines: false }
}

export const notAcceptable = (accept: string | undefined, query: URLSearchParams, ...others: string[]): FhirError => {
  const asked = query.get('_format') ?? accept ?? ''
  const served = [...formatNames.map(name => formats[name].types[0]), ...others].join(' or ')
  return new FhirError('not-supported', `${asked} is not served here; ask for ${served}`, { status: 406 })
}

/** An unescaped `+` in a query string reads as a space. */
const answerNamed = (text: string): Answer | undefined =>
  answerNames.find(name => name === text) ??
  answerNames.find(name => weigh(parseRange(text.replaceAll(' ', '+')), name))

const acceptedAnswer = (accept: string, served: readonly Answer[]): Answer | undefined => {
  if (accept.trim() === '') return 'json'
  const ranges = accept.split(',').map(parseRange)
  // Only one name of each format is ever sent: whoever refuses that one does not get it for having accepted another.
  const isRefused = (name: Answer) =>
    ranges.some(({ type, quality, version }) => type === answers[name].types[0] && quality === 0 && isOurs(version))
  const wishes = served.flatMap(name => {
    const wish = wishOf(ranges, range => weigh(range, name))
    return wish === undefined || isRefused(name) ? [] : [{ ...wish, name }]
  })
  return wishes.sort(byPreference)[0]?.name
}

/**
 * Whether a client wants content of another type itself, rather than a resource around it: it names that type, or no format of FHIR. "When the read
 * request has some other type in the Accept header, then the content should be returned with the content type stated in the resource". Undefined if
 * it refuses that type, or accepts nothing but types of FHIR that are not served.
 */
export const wantsContent = (accept: string | undefined, contentType: string): boolean | undefined => {
  if (accept === undefined || accept.trim() === '') return true
  const ranges = accept.split(',').map(parseRange)
  const { type } = parseRange(contentType)
  const [family = ''] = type.split('/')
  const weighContent: Weigh = range => {
    if (range.type === type) return 3
    return range.type === `${family}/*` ? 2 : Number(range.type === '*/*')
  }
  const named =
    (weigher: Weigh): Weigh =>
    range =>
      weigher(range) === 3 ? 3 : 0
  const content = wishOf(ranges, named(weighContent))
  const resource = formatNames
    .flatMap(
      name =>
        wishOf(
          ranges,
          named(range => weigh(range, name)),
        ) ?? [],
    )
    .sort(byPreference)[0]
  if (content !== undefined) return resource === undefined || byPreference(content, resource) <= 0
  if (resource !== undefined) return false
  const isRefused = wishOf(ranges, weighContent) === undefined && ranges.some(range => weighContent(range) > 0)
  return isRefused || ranges.every(isNothingElse) ? undefined : true
}

const isNothingElse = ({ type, quality, version }: Range): boolean =>
  quality === 0 || !isOurs(version) || type.startsWith('application/fhir+')

type Wish = { readonly quality: number; readonly position: number }
type Weigh = (range: Range) => number

/**
 * What the most exact of the matching ranges says; undefined if that refuses it. A format has several names: of those that are listed, the one
 * counts that is preferred.
 */
const wishOf = (ranges: readonly Range[], weigher: Weigh): Wish | undefined => {
  const [best] = ranges
    .map((range, position) => ({ position, quality: range.quality, weight: weigher(range) }))
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight || byPreference(one, other))
  return best === undefined || best.quality === 0 ? undefined : best
}

const byPreference = (one: Wish, other: Wish): number => other.quality - one.quality || one.position - other.position

type Range = { readonly type: string; readonly quality: number; readonly version: string | undefined }

const parseRange = (text: string): Range => {
  // Blanks around `=` are against RFC 9110, but what is named with them is meant: another version must not be taken for ours.
  const [type = '', ...parameters] = text.split(';').map(part =>
    part
      .trim()
      .toLowerCase()
      .replace(/(?<!\s)\s*=\s*/, '='),
  )
  const parameterNamed = (name: string) =>
    parameters.find(parameter => parameter.startsWith(`${name}=`))?.slice(name.length + 1)
  const quality = Number(parameterNamed('q') ?? 1)
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0, version: parameterNamed('fhirversion') }
}

/** How exactly a range names a format; 0: not at all. An exact name outweighs a wildcard (RFC 9110, 12.5.1). */
const weigh = ({ type, version }: Range, name: Answer): number => {
  if (!isOurs(version)) return 0
  if (answers[name].types.some(one => one === type)) return 3
  return wildcards.get(type) ?? 0
}

/**
 * https://hl7.org/fhir/R4/versioning.html#mt-version: another fhirVersion is another media type. There it is 4.0; it is 4.0.1 if clients send what
 * the CapabilityStatement says.
 */
const isOurs = (version: string | undefined): boolean => version === undefined || /^"?4\.0(?:\.1)?"?$/.test(version)

/** For a body whose type names another version. */
export const isOfOtherVersion = (contentType: string): boolean => !isOurs(parseRange(contentType).version)

const wildcards: ReadonlyMap<string, number> = new Map([
  ['application/*', 2],
  ['text/*', 2],
  ['*/*', 1],
])
