import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import { isHierarchical } from './hierarchy.ts'
import { refusal } from './refusal.ts'

/** https://hl7.org/fhir/R4/search.html#modifiers */
export type Modifier =
  | { readonly kind: ModifierName }
  /** `subject:Patient=23`: the type that a bare id is of. */
  | { readonly kind: 'type'; readonly type: ResourceType }

/** Refuses a modifier that it does not know, also with lenient handling: a modifier changes the question, so that it cannot be passed over. */
export const parseModifier = (
  parameter: SearchParameter,
  text: string | undefined,
  name: string,
): Modifier | undefined => {
  if (text === undefined) return undefined
  const kind = modifiersOf(parameter).find(one => one === text)
  if (kind !== undefined) return { kind }
  const type = parameter.targets.find(target => target === text)
  if (type !== undefined) return { kind: 'type', type }
  throw refusal(
    name,
    `The modifier ":${text}" is not supported for "${parameter.code}"; supported: ${supported(parameter).join(', ') || 'none'}`,
  )
}

/** The modifiers that make sense for the parameter's type and for the datatypes of its elements. */
export const modifiersOf = (parameter: SearchParameter): readonly ModifierName[] =>
  names.filter(name => applies[name](parameter))

const supported = (parameter: SearchParameter): readonly string[] =>
  [...modifiersOf(parameter), ...parameter.targets].map(one => `:${one}`)

const names = [
  'missing',
  'exact',
  'contains',
  'not',
  'text',
  'in',
  'not-in',
  'above',
  'below',
  'of-type',
  'identifier',
] as const

type ModifierName = (typeof names)[number]

type Applies = (parameter: SearchParameter) => boolean

const isString: Applies = ({ type }) => type === 'string'
const reaches = ({ paths }: SearchParameter, datatypes: readonly string[]): boolean =>
  paths.some(path => datatypes.includes(path.datatype))

const isCoded: Applies = parameter =>
  parameter.type === 'token' && reaches(parameter, ['Coding', 'CodeableConcept', 'code'])
const isCanonical: Applies = parameter => parameter.type === 'reference' && reaches(parameter, ['canonical', 'uri'])

const applies: Readonly<Record<ModifierName, Applies>> = {
  // "For all parameters (except combination)"; `_text` and `_content` are about no element that could be missing.
  missing: ({ type, code }) => type !== 'composite' && (type !== 'special' || code === 'near'),
  exact: isString,
  contains: isString,
  not: ({ type }) => type === 'token',
  text: parameter =>
    (parameter.type === 'token' && reaches(parameter, ['Coding', 'CodeableConcept', 'Identifier'])) ||
    (parameter.type === 'reference' && reaches(parameter, ['Reference'])),
  in: isCoded,
  'not-in': isCoded,
  above: parameter => parameter.type === 'uri' || isCoded(parameter) || isHierarchical(parameter),
  below: parameter =>
    parameter.type === 'uri' || isCoded(parameter) || isHierarchical(parameter) || isCanonical(parameter),
  'of-type': parameter => parameter.type === 'token' && reaches(parameter, ['Identifier']),
  // "not supported on canonical elements since they do not have an identifier separate from the reference itself"
  identifier: parameter => parameter.type === 'reference' && reaches(parameter, ['Reference']),
}
