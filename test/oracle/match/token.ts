import type { Found } from '../values.ts'
import { impliedSystems } from './binding.ts'
import { plainText, split } from './escape.ts'

/**
 * https://hl7.org/fhir/R4/search.html#token
 * "Match is case sensitive unless the underlying semantics for the context indicate …": here always, since identifiers of people that differ only in
 * case belong to different people. The case of an e-mail address does not matter.
 */
export const matchToken = (found: Found, text: string): boolean =>
  tokensOf(found).some(token => tokenHolds(isFolded(found) ? folded(token) : token, parseAsked(found, text)))

/** "If the underlying data type is string then the search is not case sensitive." */
const folded = ({ code }: Token): Token => ({ code: code?.toLowerCase() })
const isFolded = ({ type, value }: Found): boolean =>
  type === 'string' || (type === 'ContactPoint' && (value as Identifier).system === 'email')
const parseAsked = (found: Found, text: string): AskedToken => parseToken(isFolded(found) ? text.toLowerCase() : text)

/** A system that is absent stays absent; a datatype without systems has none to compare. */
export type Token = { readonly system?: string | undefined; readonly code?: string | undefined }

/** `system`: undefined, any; empty, none. `code`: empty, any. */
export type AskedToken = { readonly system: string | undefined; readonly code: string }

export const parseToken = (text: string): AskedToken => {
  const [first = '', second] = split('|', text).map(plainText)
  return second === undefined ? { system: undefined, code: first } : { system: first, code: second }
}

export const tokenHolds = (token: Token, { system, code }: AskedToken): boolean =>
  // "[system]|[code]", "[system]|: any element where the value of [system] matches", "|[code]: … has no system property",
  // "[code]: irrespective of the value of the system property"
  (system === undefined || (token.system ?? '') === system) && (code === '' || token.code === code)

export const tokensOf = (found: Found): readonly Token[] =>
  found.type === 'code' ? tokensOfCode(found) : (tokenParts[found.type]?.(found.value as never) ?? [])

/** It has no system property, as `|code` requires, or it has the implicit one. */
const tokensOfCode = (found: Found): readonly Token[] =>
  [undefined, ...(impliedSystems(found) ?? [])].map(system => ({ system, code: String(found.value) }))

type Coding = { readonly system?: string; readonly code?: string }
type Identifier = { readonly system?: string; readonly value?: string }

const plain = (value: unknown): readonly Token[] => [{ code: String(value) }]

/** The table of the specification: where each datatype has the parts. */
const tokenParts: Readonly<Record<string, (value: never) => readonly Token[]>> = {
  Coding: ({ system, code }: Coding) => [{ system, code }],
  CodeableConcept: ({ coding = [] }: { readonly coding?: readonly Coding[] }) => coding,
  Identifier: ({ system, value }: Identifier) => [{ system, code: value }],
  ContactPoint: ({ value }: Identifier) => [{ code: value }],
  boolean: plain,
  id: plain,
  string: plain,
  uri: plain,
  canonical: plain,
}

/** "For token parameters on elements of type ContactPoint, uri, or boolean, the presence of the pipe symbol SHALL NOT be used" */
export const takesPipe = (type: string): boolean => !['ContactPoint', 'uri', 'boolean'].includes(type)
