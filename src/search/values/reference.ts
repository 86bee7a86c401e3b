import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { parseReference } from '../../fhir/reference.ts'
import { unescapeText } from '../escape.ts'
import { valueRefusal } from '../refusal.ts'
import type { Value } from '../value.ts'

/** https://hl7.org/fhir/R4/search.html#reference. A version at the end is tolerated, and ignored: every version is meant. */
export const parseReferenceValue = (parameter: SearchParameter, text: string, base: string | undefined): Reference => {
  const value = literal(parameter, unescapeText(text), base)
  if (value === undefined || !isPossible(parameter, value)) {
    const types = parameter.targets.length === 0 ? 'Type/id' : parameter.targets.map(type => `${type}/id`).join(', ')
    throw valueRefusal(parameter, text, `id, ${types}, an absolute URL`)
  }
  return value
}

type Reference = Extract<Value, { readonly kind: 'reference' | 'url' }>

const isAbsolute = /^[A-Za-z][A-Za-z0-9+.-]*:/
const bareId = /^[A-Za-z0-9\-.]{1,64}$/

const literal = (parameter: SearchParameter, text: string, base: string | undefined): Reference | undefined => {
  if (bareId.test(text)) return bare(parameter, text)
  const reference = base === undefined ? parseReference(text) : parseReference(text, base)
  if (reference === undefined || 'fragment' in reference) return undefined
  if ('url' in reference) return isAbsolute.test(reference.url) ? absolute(parameter, reference.url) : undefined
  return { kind: 'reference', type: reference.type, id: reference.id }
}

/** Only a canonical may name its version behind a bar. https://hl7.org/fhir/R4/search.html#versions */
const absolute = ({ paths }: SearchParameter, text: string): Reference => {
  const bar = paths.some(({ datatype }) => datatype !== 'Reference') ? text.indexOf('|') : -1
  return bar < 0 ? { kind: 'url', url: text } : { kind: 'url', url: text.slice(0, bar), version: text.slice(bar + 1) }
}

/** If only one type is possible, the id alone is a whole reference. */
const bare = (parameter: SearchParameter, id: string): Reference => {
  const [type, ...others] = parameter.targets
  return type === undefined || others.length > 0 ? { kind: 'reference', id } : { kind: 'reference', type, id }
}

const isPossible = ({ targets }: SearchParameter, value: Reference): boolean =>
  value.kind === 'url' ||
  value.type === undefined ||
  targets.length === 0 ||
  targets.some(target => target === value.type)
