import type { Expression } from '../../search/expression.ts'
import { isGroupMember } from '../../search/stored-elsewhere.ts'
import type { RowNames } from '../row.ts'
import { allOf, type SqlFragment, sql } from '../sql.ts'
import { matchTokens, type TokenAsked } from '../values/token.ts'
import { compileHotCodes } from './compile-hot.ts'
import type { Compiling } from './compiling.ts'
import { isHot } from './hot.ts'
import { tokensPrefilter } from './index-prefilter.ts'

type Match = Extract<Expression, { kind: 'match' }>
export type TokenMatch = Match & { readonly value: { readonly kind: 'token' } & TokenAsked }

/**
 * `code=a,b,c` as one condition: as a condition each, hundreds of codes would be looked for in every row, one after another. Undefined for a
 * hot parameter that is no code.
 */
export const compileTokens = (matches: readonly TokenMatch[], at: Compiling): SqlFragment | undefined => {
  const [first] = matches
  if (first === undefined) return undefined
  const { parameter } = first
  const tokens = matches.map(({ value }) => value)
  if (isHot(parameter)) return compileHotCodes(parameter, tokens, at)
  const decided = matchTokens(sql.fragment`${at.row.row}.content`, parameter, tokens)
  const narrowed = at.row.indexed ? tokensPrefilter(parameter, tokens, at.row) : undefined
  return narrowed === undefined ? decided : allOf([narrowed, decided])
}

/** Whether it can be asked together with other tokens of its parameter. */
export const isToken = (one: Expression, { recorded }: RowNames): one is TokenMatch =>
  one.kind === 'match' &&
  one.value.kind === 'token' &&
  one.value.code !== undefined &&
  one.parameter.code !== '_id' &&
  !isGroupMember(one.parameter) &&
  recorded === undefined &&
  one.parameter.paths.every(({ test, datatype }) => test === undefined && datatype !== 'string')
