import type { Surroundings } from '../derive/combined.ts'
import type { Resource } from '../examples.ts'
import { type Holds, valuesFor } from '../match/matches.ts'
import { targetsOf } from '../select.ts'
import { type Comparison, deriveComparison } from './comparison.ts'

/** A `_filter` as text, and what it means. https://hl7.org/fhir/R4/search_filter.html */
export type Filter = { readonly text: string; readonly holds: Holds; readonly operators: readonly string[] }

/** About one resource, for which most of it holds; undefined if nothing can be asked. */
export const deriveFilter = (at: Surroundings, resource: Resource, depth: number): Filter | undefined => {
  const { random } = at
  if (depth === 0) return deriveTest(at, resource, random.below(3))
  const one = deriveFilter(at, resource, depth - 1)
  const other = deriveFilter(at, resource, depth - 1)
  if (one === undefined || other === undefined) return one ?? other
  const operators = [...one.operators, ...other.operators]
  return { ...random.pick([both, either, negated, bothOrNot])(one, other), operators }
}

type Joined = (one: Filter, other: Filter) => Omit<Filter, 'operators'>

const both: Joined = (one, other) => ({
  text: `(${one.text}) and (${other.text})`,
  holds: resource => one.holds(resource) && other.holds(resource),
})

const either: Joined = (one, other) => ({
  text: `(${one.text}) or (${other.text})`,
  holds: resource => one.holds(resource) || other.holds(resource),
})

const negated: Joined = (one, other) => ({
  text: `not (${one.text}) or (${other.text})`,
  holds: resource => !one.holds(resource) || other.holds(resource),
})

/** From left to right: neither `and` nor `or` comes first. */
const bothOrNot: Joined = (one, other) => ({
  text: `(${one.text}) or (${other.text}) and not (${one.text})`,
  holds: resource => (one.holds(resource) || other.holds(resource)) && !one.holds(resource),
})

/** One comparison behind at most so many references, each of which may also be filtered in brackets. */
const deriveTest = (at: Surroundings, resource: Resource, links: number): Filter | undefined => {
  const possible = at.links.from(resource).filter(({ code }) => at.supported(resource.resourceType, code))
  if (links === 0 || possible.length === 0) return withText(deriveComparison(at, resource), at)
  const { code, target } = at.random.pick(possible)
  const definition = at.world.parameter(resource.resourceType, code)
  const inner = deriveTest(at, target, links - 1)
  if (inner === undefined || definition === undefined) return undefined
  const beside = at.random.chance(0.3) ? deriveFilter(at, target, at.random.below(2)) : undefined
  const type = definition.target?.length === 1 ? '' : `:${target.resourceType}`
  return {
    operators: [...inner.operators, ...(beside?.operators ?? [])],
    text: `${code}${type}${beside === undefined ? '' : `[${beside.text}]`}.${inner.text}`,
    holds: one =>
      valuesFor(definition, one)
        .flatMap(found => targetsOf(at.world, definition, found))
        .filter(there => there.resourceType === target.resourceType)
        .some(there => (beside?.holds(there) ?? true) && inner.holds(there)),
  }
}

const withText = (comparison: Comparison | undefined, { random }: Surroundings): Filter | undefined => {
  if (comparison === undefined) return undefined
  const { code, operator, value, holds } = comparison
  const isPlain = /^[^\s()[\]"]+$/.test(value) && random.chance(0.7)
  return { text: `${code} ${operator} ${isPlain ? value : JSON.stringify(value)}`, holds, operators: [operator] }
}
