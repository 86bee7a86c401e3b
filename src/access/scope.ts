import type { Action } from '../search/expression.ts'

/** One resource scope of a token. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
export type Scope = {
  readonly context: 'patient' | 'user' | 'system'
  /** A resource type, or `*`. */
  readonly type: string
  readonly actions: ReadonlySet<Action>
  /** The granular part, `code=…&category=…`, still as text: the registry decides what it means. */
  readonly query?: string
}
