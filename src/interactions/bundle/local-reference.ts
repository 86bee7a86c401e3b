import { FhirError } from '../../fhir/error.ts'
import { jsonText } from '../../fhir/json.ts'
import { sentQuery } from '../../search/sent-query.ts'
import type { FhirRequest } from '../interaction.ts'

/** By fullUrl, what an entry has become: `Patient/123`. */
export type Targets = ReadonlyMap<string, string>

/** By target, the version that the Bundle has written. */
export type Versions = ReadonlyMap<string, string>

/**
 * The resource with every reference to another entry of its Bundle resolved, as
 * https://hl7.org/fhir/R4/bundle.html#references says; `fullUrl` is the resource's own.
 */
export const resolveReferences = (
  resource: unknown,
  fullUrl: string | undefined,
  targets: Targets,
  versions: Versions = new Map(),
): unknown => {
  const base = baseOf(fullUrl)
  return mapLinks(resource, (link, name) => {
    const target = targetOf(link, base, targets) ?? versionOf(link, base, targets, versions)
    if (target !== undefined) return target
    if (name === 'reference') refuseUnresolvable(link)
    return link
  })
}

/** "Conditional references", which a transaction looks up before it writes. https://hl7.org/fhir/R4/http.html#trules */
export const conditionalReferences = (resource: unknown): ReadonlySet<string> => {
  const found = new Set<string>()
  mapLinks(resource, (link, name) => {
    if (name === 'reference' && isConditional(link)) found.add(link)
    return link
  })
  return found
}

export const isConditional = (reference: string): boolean => /^[A-Z][A-Za-z]*\?/.test(reference)

/** The request, with the references in its body and its criteria resolved. */
export const resolveRequest = (
  request: FhirRequest,
  fullUrl: string | undefined,
  targets: Targets,
  versions: Versions,
): FhirRequest => ({
  ...resolveCriteria(request, targets),
  body: resolveReferences(request.body, fullUrl, targets, versions),
})

/** Criteria may name other entries as well: `subject=urn:uuid:…`. */
export const resolveCriteria = <Request extends FhirRequest>(request: Request, targets: Targets): Request => {
  const { ifNoneExist } = request.headers
  return {
    ...request,
    query: resolveQuery(request.query, targets),
    headers: {
      ...request.headers,
      ...(ifNoneExist ? { ifNoneExist: resolveQuery(queryIn(ifNoneExist), targets).toString() } : {}),
    },
  }
}

/** The criteria of If-None-Exist, with or without a type before them: `identifier=1`, `Patient?identifier=1`. A value may contain a `?`. */
export const queryIn = (ifNoneExist: string): URLSearchParams => sentQuery(ifNoneExist.replace(/^[^=?]*\?/, ''))

const resolveQuery = (query: URLSearchParams, targets: Targets): URLSearchParams =>
  new URLSearchParams(
    [...query].map(([name, value]): [string, string] => [
      name,
      value
        .split(',')
        .map(one => targets.get(one) ?? one)
        .join(','),
    ]),
  )

/** The fullUrls of the other entries to which a resource refers. */
export const referencedEntries = (
  resource: unknown,
  fullUrl: string | undefined,
  fullUrls: ReadonlySet<string>,
  how: 'any' | 'versioned' = 'any',
): ReadonlySet<string> => {
  const found = new Set<string>()
  const base = baseOf(fullUrl)
  mapLinks(resource, link => {
    const versioned = versionedIn(link)
    if (versioned === undefined && how === 'versioned') return link
    for (const candidate of candidates(versioned?.of ?? link, base)) if (fullUrls.has(candidate)) found.add(candidate)
    return link
  })
  return found
}

const targetOf = (link: string, base: string | undefined, targets: Targets): string | undefined =>
  candidates(link, base)
    .map(candidate => targets.get(candidate))
    .find(target => target !== undefined)

/**
 * "Version-specific references should remain as version-specific references after the references have been updated": to the version that the Bundle
 * writes, or if it writes none, to the one that they name.
 */
const versionOf = (
  link: string,
  base: string | undefined,
  targets: Targets,
  versions: Versions,
): string | undefined => {
  const versioned = versionedIn(link)
  const target = versioned && targetOf(versioned.of, base, targets)
  return target && `${target}/_history/${versions.get(target) ?? versioned.version}`
}

const versionedIn = (link: string): { readonly of: string; readonly version: string } | undefined => {
  const [, of, version] = /^([^?]+)\/_history\/([A-Za-z0-9.-]{1,64})$/.exec(link) ?? []
  return of === undefined || version === undefined ? undefined : { of, version }
}

/** What a link may mean: a relative reference is resolved against the base of the referring entry's own fullUrl. */
const candidates = (link: string, base: string | undefined): readonly string[] =>
  base !== undefined && /^[A-Z][A-Za-z]*\/[^/?]+$/.test(link) ? [link, base + link] : [link]

const baseOf = (fullUrl = ''): string | undefined =>
  /^(https?:\/\/.+\/)[A-Za-z]+\/[A-Za-z0-9.-]{1,64}$/.exec(fullUrl)?.[1]

const refuseUnresolvable = (reference: string): void => {
  if (/^urn:(uuid|oid):/.test(reference)) {
    throw new FhirError('invalid', `No entry of the transaction has the fullUrl ${reference}`)
  }
}

/** The elements that may hold a link to another entry: never an identifier's value, which only looks like one. */
const linkNames: ReadonlySet<string> = new Set(['reference', 'url', 'uri', 'valueUrl', 'valueUri'])

type Replace = (link: string, name: string) => string

/** Lists count as levels too. Deeper than any valid resource. */
const mostDeep = 500

/** Copies only what changes. */
const mapLinks = (value: unknown, replace: Replace, depth = 0): unknown => {
  if (depth > mostDeep) throw new FhirError('structure', 'An entry is nested too deep', { expression: 'resource' })
  if (Array.isArray(value)) return mapItems(value, replace, depth + 1)
  if (typeof value !== 'object' || value === null) return value
  const changed = Object.entries(value).flatMap(([name, child]) => {
    const mapped =
      typeof child === 'string' ? mapText(child, elementOf(value, name), replace) : mapLinks(child, replace, depth + 1)
    return mapped === child ? [] : [[name, mapped]]
  })
  return changed.length === 0 ? value : { ...value, ...Object.fromEntries(changed) }
}

const mapText = (text: string, element: string, replace: Replace): string => {
  if (linkNames.has(element)) return replace(text, element)
  return element === 'div' ? text.replace(linkingTag, tag => mapTag(tag, replace)) : text
}

const mapTag = (tag: string, replace: Replace): string =>
  tag.replace(attribute, (whole, start, name, quote, link) =>
    name === 'href' || name === 'src' ? `${start}${quote}${replaced(link, replace)}${quote}` : whole,
  )

/** "and `<a href="" & <img src=""` in the narrative": https://hl7.org/fhir/R4/http.html#trules. It ends before another begins, so no text is gone through twice. */
const linkingTag = /<(?:a|img)\b[^<>]*>/g
const attribute = /(\s([\w:-]+)\s*=\s*)(["'])(.*?)\3/g

/** In a narrative, an address is written as XML has it. */
const replaced = (link: string, replace: Replace): string => {
  const plain = link.replaceAll('&amp;', '&')
  const target = replace(plain, 'href')
  return target === plain ? link : target
}

/** The element to which a text is written; in an operation of a patch, the one with which its path ends. */
const elementOf = (object: object, name: string): string => {
  if (name === 'value' && 'op' in object && 'path' in object) return /\/(\w+)$/.exec(jsonText(object.path))?.[1] ?? name
  return name
}

const mapItems = (items: readonly unknown[], replace: Replace, depth: number): unknown => {
  const mapped = items.map(item => mapLinks(item, replace, depth))
  return mapped.some((item, index) => item !== items[index]) ? mapped : items
}
