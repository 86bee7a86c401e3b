import { createRequire } from 'node:module'
import type fhirpath from 'fhirpath'
import type { Model } from 'fhirpath'
import { isNumber, toNumber } from '../json.ts'
import type { Constraint } from '../structure.ts'
import { isJson, type Walk } from './walk.ts'

/** A constraint evaluated by fhirpath.js. One that it cannot evaluate, or that says nothing, is taken to hold. */
export const fhirpathInvariant = ({ expression }: Constraint, path: string) => {
  let evaluate: Evaluate | undefined
  return (value: unknown, { resource, root }: Walk): boolean => {
    evaluate ??= compile(expression, path)
    try {
      const [result] = evaluate(plain(value), environment(plain(resource), plain(root)))
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

/** fhirpath.js does not know the numbers that keep their text. */
const plain = (value: unknown): unknown => {
  if (isNumber(value)) return toNumber(value)
  if (Array.isArray(value)) return value.map(plain)
  return isJson(value) ? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, plain(child)])) : value
}
