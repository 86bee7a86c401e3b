import type { Issue, IssueCode } from '../error.ts'
import { isNumber } from '../json.ts'

export type Json = Readonly<Record<string, unknown>>

/** One validation on its way through a resource. Paths are only put into words when something is wrong. */
export type Walk = {
  readonly issues: Issue[]
  /** Element names and indexes from the root to the element at hand. */
  readonly path: (string | number)[]
  /** The resource whose `contained` the `#` references point to: an entry of a Bundle is one of its own. */
  root: Json
  /** Is `root` or one of its contained resources. */
  resource: Json
  /** Of the elements of `resource` that have been seen. */
  elementIds?: Set<string> | undefined
  /** What lies deeper has not been looked at, so the rules of the whole are not asked. */
  isTooDeep: boolean
  /** Which `#` references there were in `root`, and where. */
  fragments: { readonly id: string; readonly path: string; readonly isOfReference: boolean }[]
}

export type Check = (value: unknown, walk: Walk) => void

/** Resources nest (Bundle in Bundle, extension in extension); nobody needs this much. */
export const deepestPath = 200

/** What is told of one resource: of a short body that is wrong all over the answer would have gigabytes. */
export const mostIssues = 100

/** Nothing more is looked at: what was found is enough to refuse it. */
export class EnoughIssues extends Error {}

export const report = (walk: Walk, code: IssueCode, message: string, ...below: readonly (string | number)[]): void =>
  reportAt(walk, code, message, pathText(walk, ...below))

export const reportAt = ({ issues }: Walk, code: IssueCode, message: string, expression: string): void => {
  if (issues.length >= mostIssues) throw new EnoughIssues()
  issues.push({ code, message, expression })
}

/** Said to the client, and no reason to refuse the resource: half of what is told at most, so that errors are told as well. */
export const warn: typeof report = (walk, code, message, ...below) => {
  if (walk.issues.length >= mostIssues / 2) return
  walk.issues.push({ code, message, expression: pathText(walk, ...below), severity: 'warning' })
}

/** As the simple subset of FHIRPath says it: `Observation.code.coding[0].system`. */
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

/** What a value is, in the words of JSON. */
export const kindOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (isNumber(value)) return 'a number'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
