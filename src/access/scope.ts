import type { Action } from '../search/expression.ts'

/** One resource scope of a token. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
export type Scope = {
  readonly context: 'patient' | 'user' | 'system'
  /** A resource type, or `*`. */
  readonly type: string
  readonly actions: ReadonlySet<Action>
  /** The granular part, such as `code=…&category=…`, still as text: what it means depends on the registry. */
  readonly query?: string
}

/** The resource scopes of a token, in its order. Launch and identity scopes, and whatever cannot be read, give no right. */
export const parseScopes = (text: string): readonly Scope[] => text.split(' ').flatMap(word => parseScope(word) ?? [])

/** The same scopes as absolute URIs, as they are in other vocabularies. */
const uriPrefix = 'http://smarthealthit.org/fhir/scopes/'

const withoutUri = (word: string): string => (word.startsWith(uriPrefix) ? word.slice(uriPrefix.length) : word)

/** Undefined for a launch or identity scope, and for what cannot be read. */
export const parseScope = (word: string): Scope | undefined => {
  const [, context, type, permissions, query] = grammar.exec(withoutUri(word)) ?? []
  if (!isContext(context) || type === undefined || permissions === undefined) return undefined
  const actions = versionOne.get(permissions) ?? letters(permissions)
  if (actions === undefined || (query !== undefined && versionOne.has(permissions))) return undefined
  return { context, type, actions, ...(query === undefined ? {} : { query }) }
}

const grammar =
  /^(patient|user|system)\/(\*|[A-Z][A-Za-z]*)\.(read|write|\*|[cruds]+)(?:\?([^=&\s]+=[^=&\s]+(?:&[^=&\s]+=[^=&\s]+)*))?$/

const isContext = (text: string | undefined): text is Scope['context'] =>
  text === 'patient' || text === 'user' || text === 'system'

const versionOne: ReadonlyMap<string, ReadonlySet<Action>> = new Map([
  ['read', new Set<Action>(['r', 's'])],
  ['write', new Set<Action>(['c', 'u', 'd'])],
  ['*', new Set<Action>(['c', 'r', 'u', 'd', 's'])],
])

/** Each letter at most once, in this order: undefined for `dus` and `rr`. */
const letters = (permissions: string): ReadonlySet<Action> | undefined =>
  /^c?r?u?d?s?$/.test(permissions) ? new Set([...permissions] as Action[]) : undefined

/** A scope as text again: what the token response and a refusal say. */
export const printScope = ({ context, type, actions, query }: Scope): string =>
  `${context}/${type}.${(['c', 'r', 'u', 'd', 's'] as const).filter(one => actions.has(one)).join('')}${query === undefined ? '' : `?${query}`}`
