import { createRequire } from 'node:module'
import type fhirpath from 'fhirpath'
import type { Model } from 'fhirpath'
import { isNumber, toNumber } from '../json.ts'
import type { Constraint } from '../structure.ts'
import type { Walk } from './walk.ts'

/** A constraint evaluated by fhirpath.js. One that it cannot evaluate, or that says nothing, is taken to hold. */
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

type Evaluate = (value: unknown, environment: Record<string, unknown>) => unknown[]

const environment = (resource: unknown, rootResource: unknown) => ({
  resource,
  rootResource,
  ucum: 'http://unitsofmeasure.org',
})

/** fhirpath.js takes 30 MB, and most servers never see a resource that needs it. */
const compile = (expression: string, base: string): Evaluate => {
  loaded ??= load()
  const compiled = loaded.engine.compile({ base, expression }, loaded.model, { traceFn: () => {} })
  return (value, variables) => compiled(value, variables) as unknown[]
}

const load = () => {
  const require = createRequire(import.meta.url)
  return { engine: require('fhirpath') as typeof fhirpath, model: require('fhirpath/fhir-context/r4') as Model }
}
let loaded: ReturnType<typeof load> | undefined

/**
 * fhirpath.js does not know the numbers that keep their text. One copy a validation: a copy for each element that has a
 * rule would make the time grow with the square of the resource.
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
