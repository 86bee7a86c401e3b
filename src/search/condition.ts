import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import type { SearchParameter } from '../fhir/search-parameter.ts'
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
  const texts = splitAt(',', text)
  const paths = pathsOf(registry, type, name)
  if (paths.length === 1) return alongPath(paths[0], texts, options)
  return or(...fitting(paths, path => alongPath(path, texts, options)))
}

/** The targets that the value makes sense for: a date is no answer to those whose parameter is a token. */
const fitting = (paths: readonly [Path, ...Path[]], parse: (path: Path) => Expression): readonly Expression[] => {
  const attempts = paths.map(path => attempt(() => parse(path)))
  const parsed = attempts.flatMap(one => one.expression ?? [])
  const refused = attempts.find(one => one.refused !== undefined)?.refused
  if (parsed.length === 0 && refused !== undefined) throw refused
  return parsed
}

type Attempt = { readonly expression?: Expression; readonly refused?: FhirError }

const attempt = (parse: () => Expression): Attempt => {
  try {
    return { expression: parse() }
  } catch (error) {
    if (error instanceof FhirError) return { refused: error }
    throw error
  }
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
  const answers: Record<string, Expression> = {
    true: { kind: 'missing', parameter },
    false: not({ kind: 'missing', parameter }),
  }
  const answer = answers[texts.join(',')]
  if (answer !== undefined) return answer
  throw refusal(`${parameter.code}:missing`, `"${parameter.code}:missing" is true or false, not "${texts.join(',')}"`)
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
