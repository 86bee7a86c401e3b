import { systems } from '../canonical.ts'
import type { Constraint } from '../definition/structure.ts'
import { loadFhirpath } from '../fhirpath.ts'
import { isNumber, toNumber } from '../json.ts'
import type { Walk } from './walk.ts'

/** A constraint evaluated by fhirpath.js. If it cannot be evaluated, or gives no result, it counts as obeyed. */
export const fhirpathInvariant = ({ expression }: Constraint, path: string) => {
  let evaluate: Evaluate | undefined
  return (value: unknown, walk: Walk): boolean => {
    evaluate ??= compile(expression, path)
    const plain = plainOf(walk)
    try {
      const [result] = evaluate(plain(value), environment(plain(walk.resource), plain(walk.root)))
      return result !== false
    } catch {
      return true
    }
  }
}

/** Whether there is an expression, and the engine can read it. */
export const isFhirpath = (expression: unknown): expression is string => {
  if (typeof expression !== 'string') return false
  try {
    compile(expression, '')
    return true
  } catch {
    return false
  }
}

type Evaluate = (value: unknown, environment: Record<string, unknown>) => unknown[]

const environment = (resource: unknown, rootResource: unknown) => ({
  resource,
  rootResource,
  ucum: systems.ucum,
})

const compile = (expression: string, base: string): Evaluate => {
  const { engine, model } = loadFhirpath()
  const compiled = engine.compile({ base, expression }, model, { traceFn: () => {} })
  return (value, variables) => compiled(value, variables) as unknown[]
}

/**
 * fhirpath.js does not know numbers that keep their text. The resource is copied once for each validation: a copy for each element that has a
 * rule would take time that grows with the square of the resource.
 */
const plainOf = (walk: Walk): ((value: unknown) => unknown) => {
  const copies = copiesByWalk.get(walk) ?? new Map<unknown, unknown>()
  copiesByWalk.set(walk, copies)
  const plain = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (isNumber(value)) return toNumber(value)
    const copy = copies.get(value) ?? copyOf(value, plain)
    copies.set(value, copy)
    return copy
  }
  return plain
}
const copiesByWalk = new WeakMap<Walk, Map<unknown, unknown>>()

const copyOf = (value: object, plain: (child: unknown) => unknown): unknown =>
  Array.isArray(value)
    ? value.map(plain)
    : Object.fromEntries(Object.entries(value).map(([key, child]) => [key, plain(child)]))
