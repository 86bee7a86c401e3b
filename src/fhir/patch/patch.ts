import type { Structures } from '../definition/structure.ts'
import { FhirError } from '../error.ts'
import { isObject } from '../json.ts'
import { type Emptied, withoutEmptied } from './emptied.ts'
import { parseFhirpathPatch } from './fhirpath-patch.ts'
import { refuseGrowth } from './growth.ts'
import { parseJsonPatch } from './json-patch.ts'
import { withoutStaleNarrative } from './stale-narrative.ts'

/** Whether it copies or moves what is stored to other places. No error about these may quote it. */
export const movesValues = (body: unknown): boolean =>
  Array.isArray(body) && body.some(({ op }: { readonly op?: unknown }) => op === 'copy' || op === 'move')

/**
 * Answers the changed resource, which has not been validated. Throws FhirError, 422 if the patch cannot be applied, and 413 if the resource
 * would be too large.
 */
export type Patch = (resource: unknown) => unknown

/** https://hl7.org/fhir/R4/http.html#patch: a JSON Patch is a list, a FHIRPath Patch a Parameters resource. */
export const parsePatch = (structures: Structures, body: unknown, mostLetters: number): Patch => {
  const patch = parseEither(structures, body)
  return resource => {
    try {
      const emptied: Emptied = new Set()
      const changed = withoutStaleNarrative(body, resource, withoutEmptied(patch(resource, emptied), emptied))
      refuseGrowth(resource, changed, mostLetters)
      return changed
    } catch (error) {
      // An operation can bring a value as deep as a body may be; many of them, one inside the other, give a value too deep to be walked through.
      if (error instanceof RangeError) throw new FhirError('processing', 'The change nests the resource too deep')
      throw error
    }
  }
}

const parseEither = (structures: Structures, body: unknown) => {
  if (Array.isArray(body)) return parseJsonPatch(body)
  if (isObject(body) && body.resourceType === 'Parameters') return parseFhirpathPatch(structures, body)
  throw new FhirError('structure', 'A patch is a JSON Patch (a list of operations), or a FHIRPath Patch as Parameters')
}
