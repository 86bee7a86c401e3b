import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import type { SearchParameter } from '../fhir/search-parameter.ts'
import { readAlternatives } from './alternatives.ts'
import { splitAt } from './escape.ts'
import { type Expression, not, or } from './expression.ts'
import type { Modifier } from './modifier.ts'
import { type Path, pathsOf, through } from './path.ts'
import { refusal } from './refusal.ts'
import type { Value } from './value.ts'
import { parseValue, type ValueOptions } from './values/parse-value.ts'

/** One `name=value` of a query as a question. Commas mean or; a chain without a type means any of its targets. */
export const parseCondition = (
  registry: Registry,
  type: ResourceType,
  [name, text]: readonly [name: string, text: string],
  options: ValueOptions,
): Expression => {
  if (text.includes('\0')) throw refusal(name, `The value of "${name}" has a NUL character, which no text here has`)
  const texts = splitAt(',', text)
  const paths = pathsOf(registry, type, name)
  return or(...readAlternatives(paths, path => alongPath(path, texts, options)))
}

const alongPath = (path: Path, texts: readonly string[], options: ValueOptions): Expression => {
  const { parameter, modifier } = path
  if (modifier?.kind === 'missing') return through(path, isMissing(parameter, texts))
  const matches = texts.map(
    (text): Expression => ({ kind: 'match', parameter, value: parseModified(parameter, modifier, text, options) }),
  )
  return through(path, modifier?.kind === 'not' ? not(or(...matches)) : or(...matches))
}

const isMissing = (parameter: SearchParameter, texts: readonly string[]): Expression => {
  const answer = texts.join(',')
  const missing: Expression = { kind: 'missing', parameter }
  if (answer === 'true') return missing
  if (answer === 'false') return not(missing)
  throw refusal(`${parameter.code}:missing`, `"${parameter.code}:missing" is true or false, not "${answer}"`)
}

const parseModified = (
  parameter: SearchParameter,
  modifier: Modifier | undefined,
  text: string,
  options: ValueOptions,
): Value => {
  if (modifier?.kind !== 'type') return parseValue(parameter, text, options)
  return parseValue({ ...parameter, targets: [modifier.type] }, text, options)
}
