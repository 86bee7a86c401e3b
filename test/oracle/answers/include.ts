import { keyOf, type Resource } from '../examples.ts'
import type { Link, Links } from '../links.ts'
import type { Random } from '../random.ts'

/** One `_include` or `_revinclude`; an absent part is a wildcard, or left out. */
export type Include = {
  readonly name: '_include' | '_revinclude'
  readonly iterate: boolean
  readonly source?: string
  readonly code?: string
  readonly target?: string
}

export const includeText = ({ name, iterate, source, code, target }: Include): string => {
  const value = source === undefined ? '*' : [source, code ?? '*', ...(target === undefined ? [] : [target])].join(':')
  return `${name}${iterate ? ':iterate' : ''}=${value}`
}

/**
 * What is included with the matches of a page: what they link to, and with `:iterate` what that links to, until nothing new comes.
 * https://hl7.org/fhir/R4/search.html#include
 */
export const includedWith = (
  links: Links,
  includes: readonly Include[],
  matches: readonly Resource[],
): ReadonlySet<string> => {
  const reached = new Map(matches.map(one => [keyOf(one), one]))
  let from: readonly Resource[] = matches
  let followed = includes
  while (from.length > 0) {
    const linked = from.flatMap(one => followed.flatMap(include => follow(links, include, one)))
    const found = new Map(linked.map(one => [keyOf(one), one] as const).filter(([key]) => !reached.has(key)))
    for (const [key, one] of found) reached.set(key, one)
    from = [...found.values()]
    followed = includes.filter(({ iterate }) => iterate)
  }
  for (const one of matches) reached.delete(keyOf(one))
  return new Set(reached.keys())
}

const follow = (links: Links, include: Include, resource: Resource): readonly Resource[] =>
  include.name === '_include'
    ? links
        .from(resource)
        .filter(link => isOf(include, link))
        .map(({ target }) => target)
    : links
        .to(resource)
        .filter(link => isOf(include, link))
        .map(({ source }) => source)

const isOf = ({ source, code, target }: Include, link: Link): boolean =>
  (source === undefined || source === link.source.resourceType) &&
  (code === undefined || code === link.code) &&
  (target === undefined || target === link.target.resourceType)

/** One to three, following links that begin at the resource. */
export const deriveIncludes = (links: Links, resource: Resource, random: Random): readonly Include[] => {
  const includes: Include[] = []
  let at = resource
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const step = deriveInclude(links, at, random, { mustIterate: at !== resource })
    if (step === undefined) break
    includes.push(step.include)
    if (random.chance(0.6)) at = step.to
  }
  return includes
}

const deriveInclude = (
  links: Links,
  at: Resource,
  random: Random,
  { mustIterate }: { readonly mustIterate: boolean },
) => {
  const [from, to] = [links.from(at), links.to(at)]
  if (from.length + to.length === 0) return undefined
  const isForward = to.length === 0 || (from.length > 0 && random.chance(0.5))
  const link = random.pick(isForward ? from : to)
  const include: Include = {
    name: isForward ? '_include' : '_revinclude',
    iterate: mustIterate || random.chance(0.3),
    ...namesOf(link, random),
  }
  return { include, to: isForward ? link.target : link.source }
}

const namesOf = ({ source, code, target }: Link, random: Random): Partial<Include> => {
  if (random.chance(0.07)) return {}
  return {
    source: source.resourceType,
    ...(random.chance(0.2) ? {} : { code }),
    ...(random.chance(0.3) ? { target: target.resourceType } : {}),
  }
}
