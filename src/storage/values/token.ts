import type { ElementPath, SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Concept, Value } from '../../search/value.ts'
import { allOf, anyOf, columnOf, type SqlFragment, sql } from '../sql.ts'
import { type Condition, element, elementText, jsonPath, someElement } from './element.ts'
import { lowered, toLowered } from './letter-case.ts'

type Token = Omit<Extract<Value, { kind: 'token' }>, 'kind'>

/** The parts of a token in an element; an absent system is null. */
export type TokenParts = { readonly system: string | null; readonly code: string | null }

/** https://hl7.org/fhir/R4/search.html#token */
export const matchToken = (content: SqlFragment, parameter: SearchParameter, token: Token): SqlFragment => {
  const tests = parameter.paths.filter(path => path.test !== undefined)
  const plain = parameter.paths.filter(path => path.test === undefined)
  return anyOf([
    someElement(content, plain, datatype => [conditionOf(datatype, token)]),
    ...(tests.length === 0 ? [] : [testOf(content, tests, token)]),
  ])
}

/** A token that names a code. */
export type TokenAsked = Token & { readonly code: string }

/** One of the tokens. Not for a parameter whose elements are strings, or that only tests whether there is one, as `deceased` does. */
export const matchTokens = (
  content: SqlFragment,
  parameter: SearchParameter,
  tokens: readonly TokenAsked[],
): SqlFragment => someElement(content, parameter.paths, datatype => anyCondition(datatype, tokens))

const anyCondition = (datatype: string, tokens: readonly TokenAsked[]): readonly Condition[] => {
  const shape = shapes[datatype]
  if (shape === undefined) {
    const possible = tokens.filter(({ system }) => typeof system !== 'string' || datatype === 'code')
    return possible.length === 0 ? [] : [{ holds: isAny(elementText, possible) }]
  }
  if (datatype === 'ContactPoint') return [{ holds: contactTest(tokens) }]
  const code = sql.fragment`${element} ->> ${shape.code}`
  const { system: name } = shape
  const bySystem = Map.groupBy(tokens, ({ system }) => (name === undefined ? undefined : system))
  const tests = [...bySystem].map(([system, of]) =>
    name === undefined || system === undefined ? isAny(code, of) : allOf([systemTest(name, system), isAny(code, of)]),
  )
  return [{ ...(shape.inside === undefined ? {} : { inside: shape.inside }), holds: anyOf(tests) }]
}

/** An e-mail address means the same in any case. */
const contactTest = (tokens: readonly TokenAsked[]): SqlFragment => {
  const value = sql.fragment`${element} ->> 'value'`
  const folded = isAny(
    lowered(value),
    tokens.map(token => ({ ...token, code: toLowered(token.code) })),
  )
  return sql.fragment`CASE WHEN ${element} ->> 'system' = 'email' THEN ${folded} ELSE ${isAny(value, tokens)} END`
}

const isAny = (text: SqlFragment, tokens: readonly TokenAsked[]): SqlFragment => {
  const codes = tokens.map(({ code }) => code)
  return sql.fragment`${text} = ANY(${sql.array(codes, 'text')})`
}

/** One answer for all types of a choice: `false` means that there is none of them. */
const testOf = (content: SqlFragment, paths: readonly ElementPath[], { code }: Token): SqlFragment => {
  const stands = anyOf(paths.map(path => present(content, jsonPath(path))))
  if (code === 'true') return stands
  return code === 'false' ? sql.fragment`NOT ${stands}` : sql.fragment`FALSE`
}

const present = (content: SqlFragment, path: string): SqlFragment => sql.fragment`
  EXISTS (SELECT FROM jsonb_path_query(${content}, ${path}::jsonpath) AS element(value) WHERE element.value <> 'false')`

type Shape = { readonly inside?: string; readonly system?: string; readonly code: string }

/** By datatype, where it has its system and its code. A primitive has only a code: its system depends on the element. */
const shapes: Readonly<Record<string, Shape>> = {
  Coding: { system: 'system', code: 'code' },
  CodeableConcept: { inside: 'coding[*]', system: 'system', code: 'code' },
  Identifier: { system: 'system', code: 'value' },
  ContactPoint: { code: 'value' },
}

const conditionOf = (datatype: string, token: Token): Condition => {
  const shape = shapes[datatype]
  if (shape === undefined) return { holds: primitiveTest(datatype, token) }
  const { code } = token
  const holds =
    datatype === 'ContactPoint' && code !== undefined ? contactTest([{ ...token, code }]) : shapeTest(shape, token)
  return shape.inside === undefined ? { holds } : { inside: shape.inside, holds }
}

/** "If the underlying data type is string then the search is not case sensitive." Of the primitives, only a `code` has a system. */
const primitiveTest = (datatype: string, { system, code }: Token): SqlFragment => {
  if (typeof system === 'string' && datatype !== 'code') return sql.fragment`FALSE`
  if (code === undefined) return sql.fragment`TRUE`
  return datatype === 'string'
    ? sql.fragment`${lowered(elementText)} = ${toLowered(code)}`
    : sql.fragment`${elementText} = ${code}`
}

const shapeTest = (shape: Shape, { system, code }: Token): SqlFragment => {
  const tests = [
    ...(system === undefined || shape.system === undefined ? [] : [systemTest(shape.system, system)]),
    ...(code === undefined ? [] : [sql.fragment`${element} ->> ${shape.code} = ${code}`]),
  ]
  const [first, ...rest] = tests
  return first === undefined ? sql.fragment`FALSE` : allOf([first, ...rest])
}

const systemTest = (name: string, system: string | null): SqlFragment =>
  system === null ? sql.fragment`${element} ->> ${name} IS NULL` : sql.fragment`${element} ->> ${name} = ${system}`

/** Reference.identifier, as a token. */
export const matchIdentifier = (content: SqlFragment, parameter: SearchParameter, token: Token): SqlFragment =>
  someElement(content, parameter.paths, datatype =>
    datatype === 'Reference'
      ? [{ inside: 'identifier', holds: shapeTest({ system: 'system', code: 'value' }, token) }]
      : [],
  )

/** https://hl7.org/fhir/R4/search.html#token, `:of-type`: "match if any of the type codes match". */
export const matchOfType = (
  content: SqlFragment,
  parameter: SearchParameter,
  { system, code, value }: Extract<Value, { kind: 'of-type' }>,
): SqlFragment =>
  someElement(content, parameter.paths, datatype =>
    datatype === 'Identifier'
      ? [
          {
            holds: sql.fragment`(${element} ->> 'value' = ${value}
              AND ${element} #> '{type,coding}' @> ${JSON.stringify([{ system, code }])}::jsonb)`,
          },
        ]
      : [],
  )

/** One of the concepts. The system of a `code` is implicit. */
export const matchConcepts = (
  content: SqlFragment,
  parameter: SearchParameter,
  concepts: readonly Concept[],
): SqlFragment => {
  const keys = columnOf(concepts, ({ system, code }) => `${system}|${code}`, 'text')
  const codes = columnOf(concepts, ({ code }) => code, 'text')
  const coding = sql.fragment`(${element} ->> 'system') || '|' || (${element} ->> 'code') = ANY(${keys})`
  const conditions: Readonly<Record<string, readonly Condition[]>> = {
    Coding: [{ holds: coding }],
    CodeableConcept: [{ inside: 'coding[*]', holds: coding }],
    code: [{ holds: sql.fragment`${elementText} = ANY(${codes})` }],
  }
  return someElement(content, parameter.paths, datatype => conditions[datatype] ?? [])
}

/** "a mime type such as `text/xml; charset=UTF-8`" is below `text/xml`. */
export const matchMime = (content: SqlFragment, parameter: SearchParameter, type: string): SqlFragment =>
  someElement(content, parameter.paths, datatype =>
    datatype === 'code' ? [{ holds: sql.fragment`rtrim(split_part(${elementText}, ';', 1)) = ${type}` }] : [],
  )

/** The tokens of an element, for the index. */
export const tokensOf = (datatype: string, value: unknown): readonly TokenParts[] => {
  const shape = shapes[datatype]
  if (shape === undefined)
    return [{ system: null, code: datatype === 'string' ? toLowered(String(value)) : String(value) }]
  const elements = shape.inside === undefined ? [value] : codingsOf(value)
  return elements.map(one => {
    const parts = one as Readonly<Record<string, string | undefined>>
    const code = parts[shape.code] ?? null
    return {
      system: parts[shape.system ?? ''] ?? null,
      code: code !== null && datatype === 'ContactPoint' && parts.system === 'email' ? toLowered(code) : code,
    }
  })
}

/** How a code may be written in the index: as it is, and without its case if some path leads to a string or an e-mail address. */
export const spellingsOf = ({ paths }: SearchParameter, code: string): readonly string[] =>
  paths.some(({ datatype }) => datatype === 'string' || datatype === 'ContactPoint')
    ? [...new Set([code, toLowered(code)])]
    : [code]

const codingsOf = (concept: unknown): readonly unknown[] => (concept as { coding?: readonly unknown[] }).coding ?? []

/** Whether the datatype has a system of its own, so that `system|code` can be looked up as it is. */
export const hasSystem = (datatype: string): boolean => shapes[datatype]?.system !== undefined
