import type { ElementPath, SearchParameter } from '../fhir/definition/search-parameter.ts'
import type { Registry } from '../fhir/registry.ts'
import { type Expression, none, or } from './expression.ts'
import type { Concept, Value } from './value.ts'

/**
 * The value as a question, also for elements that write no system beside their code: a `code` implicitly has the system of its binding,
 * and a string or id has none. https://hl7.org/fhir/R4/search.html#token
 */
export const matchImplied = (registry: Registry, parameter: SearchParameter, value: Value): Expression => {
  const match: Expression = { kind: 'match', parameter, value }
  if (value.kind === 'composite')
    return value.parts.some(part => matchImplied(registry, part.parameter, part.value).kind === 'none') ? none : match
  if (value.kind !== 'token' || typeof value.system !== 'string') return match
  if (parameter.paths.some(({ datatype }) => systematic.has(datatype))) return match
  const asked = { system: value.system, code: value.code }
  const codes = parameter.paths.map(path => codesMeant(registry, path, asked))
  if (codes.includes('asked')) return match
  return or(...[...new Set(codes.flatMap(one => (one === 'asked' ? [] : [...one])))].map(one => ofCode(parameter, one)))
}

type Asked = { readonly system: string; readonly code: string | undefined }

/** Which codes of the element to look for; `asked`: those that the value asks for anyway. */
const codesMeant = (
  { valueSets }: Registry,
  path: ElementPath,
  { system, code }: Asked,
): ReadonlySet<string> | 'asked' => {
  const bound = valueSets.get(path.valueSet ?? '')
  if (bound === undefined) return isOpenTo(path, system) ? 'asked' : nothing
  const codes = bound.get(system) ?? nothing
  if (code !== undefined) return codes.has(code) ? 'asked' : nothing
  return codes.size > 0 && bound.size === 1 ? 'asked' : codes
}

const nothing: ReadonlySet<string> = new Set()

const ofCode = (parameter: SearchParameter, code: string): Expression => ({
  kind: 'match',
  parameter,
  value: { kind: 'token', code },
})

/** The concepts that the parameter's elements can mean, as far as their bindings say. */
export const impliedConcepts = (
  { valueSets }: Registry,
  { paths }: SearchParameter,
  concepts: readonly Concept[],
): readonly Concept[] => {
  const bound = paths.map(({ valueSet = '' }) => valueSets.get(valueSet))
  return concepts.filter(({ system, code }) => bound.some(one => one === undefined || one.get(system)?.has(code)))
}

/** Datatypes that have a system beside the code. */
const systematic: ReadonlySet<string> = new Set(['Coding', 'CodeableConcept', 'Identifier', 'ContactPoint'])

/** A `code` whose codes cannot be listed may be of the system; one without a binding may be of any. */
const isOpenTo = ({ datatype, valueSet }: ElementPath, system: string): boolean =>
  datatype === 'code' && (valueSet === undefined || (openSystems[valueSet] ?? system) === system)

const openSystems: Readonly<Record<string, string>> = { 'http://hl7.org/fhir/ValueSet/mimetypes': 'urn:ietf:bcp:13' }
