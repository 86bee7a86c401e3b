import type { ElementPath, SearchParameter } from '../../fhir/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { allOf, anyOf, type SqlFragment, sql } from '../sql.ts'
import { type Condition, element, elementText, jsonPath, someElement } from './element.ts'

type Token = Extract<Value, { kind: 'token' }>

/** What a token is made of in JSON; an absent system is null. */
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

/** One answer over all types of a choice: `false` is for what has none of them. */
const testOf = (content: SqlFragment, paths: readonly ElementPath[], { code }: Token): SqlFragment => {
  const stands = anyOf(paths.map(path => present(content, jsonPath(path))))
  if (code === 'true') return stands
  return code === 'false' ? sql.fragment`NOT ${stands}` : sql.fragment`FALSE`
}

const present = (content: SqlFragment, path: string): SqlFragment => sql.fragment`
  EXISTS (SELECT FROM jsonb_path_query(${content}, ${path}::jsonpath) AS element(value) WHERE element.value <> 'false')`

/** datatype → where its system and its code stand. A primitive has its code alone: its system is the element's own. */
const shapes: Readonly<Record<string, { inside?: string; system: string; code: string }>> = {
  Coding: { system: 'system', code: 'code' },
  CodeableConcept: { inside: 'coding[*]', system: 'system', code: 'code' },
  Identifier: { system: 'system', code: 'value' },
  ContactPoint: { system: 'use', code: 'value' },
  Money: { system: 'system', code: 'currency' },
  Quantity: { system: 'system', code: 'code' },
}

const conditionOf = (datatype: string, { system, code }: Token): Condition => {
  const shape = shapes[datatype]
  if (shape === undefined)
    return { holds: code === undefined ? sql.fragment`TRUE` : sql.fragment`${elementText} = ${code}` }
  const tests = [
    ...(system === undefined ? [] : [systemTest(shape.system, system)]),
    ...(code === undefined ? [] : [sql.fragment`${element} ->> ${shape.code} = ${code}`]),
  ]
  const [first, ...rest] = tests
  const holds = first === undefined ? sql.fragment`FALSE` : allOf([first, ...rest])
  return shape.inside === undefined ? { holds } : { inside: shape.inside, holds }
}

const systemTest = (name: string, system: string | null): SqlFragment =>
  system === null ? sql.fragment`${element} ->> ${name} IS NULL` : sql.fragment`${element} ->> ${name} = ${system}`

/** The tokens of an element, for the index. */
export const tokensOf = (datatype: string, value: unknown): readonly TokenParts[] => {
  const shape = shapes[datatype]
  if (shape === undefined) return [{ system: null, code: String(value) }]
  const elements = shape.inside === undefined ? [value] : codingsOf(value)
  return elements.map(one => {
    const parts = one as Readonly<Record<string, string | undefined>>
    return { system: parts[shape.system] ?? null, code: parts[shape.code] ?? null }
  })
}

const codingsOf = (concept: unknown): readonly unknown[] => (concept as { coding?: readonly unknown[] }).coding ?? []

/** Whether the element's datatype has a system of its own, so that `system|code` can be looked up as it stands. */
export const hasSystem = (datatype: string): boolean => shapes[datatype] !== undefined
