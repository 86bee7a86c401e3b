import type { Issue, IssueCode } from '../error.ts'
import { isNumber } from '../json.ts'

export type Json = Readonly<Record<string, unknown>>

/** A validation on its way through a resource. Paths become text only if something is wrong. */
export type Walk = {
  readonly issues: Issue[]
  /** Element names and indexes from the root to the current element. */
  readonly path: (string | number)[]
  /** The resource whose `contained` the `#` references point to. Each entry of a Bundle has its own. */
  root: Json
  /** `root`, or one of its contained resources. */
  resource: Json
  /** The ids of the elements of `resource` seen so far. */
  elementIds?: Set<string> | undefined
  /** Set if a part was too deep to be checked; then the rules about the whole are not checked either. */
  isTooDeep: boolean
  /** The `#` references in `root`, and where they are. */
  fragments: { readonly id: string; readonly path: string; readonly isOfReference: boolean }[]
}

export type Check = (value: unknown, walk: Walk) => void

/**
 * Resources can be nested (Bundle in Bundle, extension in extension); nobody needs as much as this. In names and indexes: an element of a list is
 * two further down.
 */
export const deepestPath = 200

/** How many issues are reported for one resource: for a short body that is wrong everywhere, the answer would have gigabytes. */
export const mostIssues = 100

/** Ends the validation: what was found is enough to refuse the resource. */
export class EnoughIssues extends Error {}

export const report = (walk: Walk, code: IssueCode, message: string, ...below: readonly (string | number)[]): void =>
  reportAt(walk, code, message, pathText(walk, ...below))

export const reportAt = ({ issues }: Walk, code: IssueCode, message: string, expression: string): void => {
  if (issues.length >= mostIssues) throw new EnoughIssues()
  issues.push({ code, message, expression })
}

/** Tells the client without refusing the resource. At most half of the issues are warnings, so that there is room for errors. */
export const warn: typeof report = (walk, code, message, ...below) => {
  if (walk.issues.length >= mostIssues / 2) return
  walk.issues.push({ code, message, expression: pathText(walk, ...below), severity: 'warning' })
}

/** In the simple subset of FHIRPath: `Observation.code.coding[0].system`. */
export const pathText = ({ path }: Walk, ...below: readonly (string | number)[]): string => {
  let text = ''
  for (const part of [...path, ...below]) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? part : `.${part}`
  }
  return text
}

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The kind of a value, in the words of JSON. */
export const kindOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (isNumber(value)) return 'a number'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
