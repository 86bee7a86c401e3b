import type { Constraint } from '../definition/structure.ts'
import { datatypeInvariants } from './invariants-datatype.ts'
import { fhirpathInvariant } from './invariants-fhirpath.ts'
import { resourceInvariants } from './invariants-resource.ts'
import { report, type Walk } from './walk.ts'

/** Whether an element obeys a rule. An element of the wrong type has been reported elsewhere, and counts as obeying it. */
export type Invariant = (value: never, walk: Walk) => boolean

export type InvariantCheck = (value: unknown, walk: Walk) => void

/** A constraint of a definition as code: our own if we have written it, or else, for the rarer ones, fhirpath.js. */
export const invariantOf = (constraint: Constraint, path: string): InvariantCheck | undefined => {
  if (constraint.key in heldElsewhere) return undefined
  const holds = (written[`${path} ${constraint.key}`] ??
    written[constraint.key] ??
    fhirpathInvariant(constraint, path)) as (value: unknown, walk: Walk) => boolean
  const message = `${constraint.key}: ${constraint.human}`
  return (value, walk) => {
    if (!holds(value, walk)) report(walk, 'invariant', message)
  }
}

/** The rules that we have written ourselves; a test compares them with fhirpath.js. */
export const written: Readonly<Record<string, Invariant>> = { ...datatypeInvariants, ...resourceInvariants }

/** Why a constraint needs no check of its own. */
const heldElsewhere: Readonly<Record<string, string>> = {
  'ele-1': 'an empty element is refused by every check of an object',
  'dom-2': 'contained.ts',
  'dom-3': 'contained.ts',
  'dom-4': 'contained.ts',
  'dom-5': 'contained.ts',
  'ref-1': 'contained.ts',
  'txt-2': 'txt-1 looks through the narrative, once for both',
  'ctm-1': 'needs resolve(), which asks for other resources',
}
