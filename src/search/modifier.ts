import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../fhir/search-parameter.ts'
import { refusal } from './refusal.ts'

/** https://hl7.org/fhir/R4/search.html#modifiers */
export type Modifier =
  | { readonly kind: 'missing' }
  | { readonly kind: 'not' }
  /** `subject:Patient=23`: the type of a reference that is given by its id. */
  | { readonly kind: 'type'; readonly type: ResourceType }

/** A modifier that is not understood changes what is asked, so it is refused in every case, as the specification demands. */
export const parseModifier = (
  parameter: SearchParameter,
  text: string | undefined,
  name: string,
): Modifier | undefined => {
  if (text === undefined) return undefined
  // "For all parameters (except combination)"
  if (text === 'missing' && canBeMissing(parameter)) return { kind: 'missing' }
  if (text === 'not' && parameter.type === 'token') return { kind: 'not' }
  const type = parameter.targets.find(target => target === text)
  if (type !== undefined) return { kind: 'type', type }
  throw refusal(
    name,
    `The modifier ":${text}" is not supported for "${parameter.code}"; supported: ${supported(parameter).join(', ')}`,
  )
}

/** A composite is no element, nor is a text made of many. */
const canBeMissing = ({ type }: Pick<SearchParameter, 'type'>): boolean => type !== 'composite' && type !== 'special'

const supported = ({ type, targets }: SearchParameter): readonly string[] => [
  ...(canBeMissing({ type }) ? [':missing'] : []),
  ...(type === 'token' ? [':not'] : []),
  ...targets.map(target => `:${target}`),
]
