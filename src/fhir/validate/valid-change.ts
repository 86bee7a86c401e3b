import type { Definitions } from './compile.ts'
import { keptFault, soundDiv, withDiv } from './kept-narrative.ts'
import { keptReferences, replaced } from './kept-reference.ts'
import { requireValid } from './validate.ts'

/** Throws FhirError with all that is wrong with the changed resource, except for a narrative and references that are unchanged. */
export const requireValidChange = <R extends object>(definitions: Definitions, stored: object, changed: R): R => {
  const told = keptFault(stored, changed) === undefined ? changed : withDiv(changed, soundDiv)
  requireValid(definitions, replaced(told, keptReferences(stored)))
  return changed
}
