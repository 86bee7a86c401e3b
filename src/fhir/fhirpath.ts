import { createRequire } from 'node:module'
import type fhirpath from 'fhirpath'
import type { Model } from 'fhirpath'
import { isNumber, toNumber } from './json.ts'
import { once } from './once.ts'

/** Loaded when it is first needed: fhirpath.js takes 30 MB, and most servers never see a request that needs it. */
export const loadFhirpath = once(() => {
  const require = createRequire(import.meta.url)
  return { engine: require('fhirpath') as typeof fhirpath, model: require('fhirpath/fhir-context/r4') as Model }
})

/** A copy for fhirpath.js, which does not know numbers that keep their text. */
export const toPlain = (value: unknown): unknown => {
  if (isNumber(value)) return toNumber(value)
  if (Array.isArray(value)) return value.map(toPlain)
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, toPlain(child)]))
    : value
}
