import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import type { Registry } from '../fhir/registry.ts'
import { readAlternatives } from './alternatives.ts'
import { isEscapedWell, splitAt, unescapeText } from './escape.ts'
import { and, type Expression, not, or } from './expression.ts'
import { isHierarchical, parseHierarchy } from './hierarchy.ts'
import { matchImplied } from './implied-system.ts'
import { type Path, pathsOf, through } from './path.ts'
import { refusal } from './refusal.ts'
import { parseModified } from './values/modified.ts'
import { parseValue, type ValueOptions } from './values/parse-value.ts'
import { booleanIn } from './written-value.ts'

/** One `name=value` of a query as a question. Commas mean "or"; a chain that names no type means any possible target. */
export const parseCondition = (
  registry: Registry,
  type: ResourceType,
  [name, text]: readonly [name: string, text: string],
  options: ValueOptions,
): Expression => {
  if (text.includes('\0')) throw refusal(name, `The value of "${name}" has a NUL character, which no text here has`)
  if (!isEscapedWell(text))
    throw refusal(name, `In the value of "${name}" a backslash stands before none of , $ | \\: it is written \\\\`)
  const texts = splitAt(',', text)
  const paths = pathsOf(registry, type, name)
  return or(...readAlternatives(paths, path => through(path, questionOf({ ...path, registry, options }, texts))))
}

type Asking = Pick<Path, 'parameter' | 'modifier'> & { readonly registry: Registry; readonly options: ValueOptions }

const questionOf = (asking: Asking, texts: readonly string[]): Expression => {
  const { parameter, modifier } = asking
  if (modifier?.kind === 'missing') return isMissing(parameter, texts)
  const matches = or(...texts.map(text => matching(asking, text)))
  return modifier?.kind === 'not' || modifier?.kind === 'not-in' ? not(matches) : matches
}

const isMissing = (parameter: SearchParameter, texts: readonly string[]): Expression => {
  const answer = texts.join(',')
  const missing: Expression = { kind: 'missing', parameter }
  const isAsked = booleanIn(answer)
  if (isAsked !== undefined) return isAsked ? missing : not(missing)
  throw refusal(`${parameter.code}:missing`, `"${parameter.code}:missing" is true or false, not "${answer}"`)
}

const matching = (asking: Asking, text: string): Expression => {
  const { registry, parameter, modifier, options } = asking
  if (modifier === undefined || modifier.kind === 'not' || modifier.kind === 'missing') return plainly(asking, text)
  if ((modifier.kind === 'above' || modifier.kind === 'below') && isHierarchical(parameter))
    return parseHierarchy(modifier.kind, { registry, parameter, text, base: options.base })
  const value =
    modifier.kind === 'type'
      ? parseValue({ ...parameter, targets: [modifier.type] }, text, options)
      : parseModified(modifier.kind, { registry, parameter, text, options })
  return { kind: 'match', parameter, value }
}

const plainly = ({ registry, parameter, options }: Asking, text: string): Expression => {
  const version = registry.searchParameter(parameter.base, 'version')
  const [url, versionText, ...more] = splitAt('|', text)
  // "servers SHOULD support automatically detecting a |[version] portion as part of the search parameter"
  if (isCanonicalUrl(parameter) && version !== undefined && versionText !== undefined && more.length === 0)
    return and(
      { kind: 'match', parameter, value: parseValue(parameter, url, options) },
      { kind: 'match', parameter: version, value: { kind: 'token', code: unescapeText(versionText) } },
    )
  return matchImplied(registry, parameter, parseValue(parameter, text, options))
}

const isCanonicalUrl = ({ type, code }: SearchParameter): boolean => type === 'uri' && code === 'url'
