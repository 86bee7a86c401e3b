import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Registry } from '../../fhir/registry.ts'
import { splitAt, unescapeText } from '../escape.ts'
import type { Modifier } from '../modifier.ts'
import { refusal, valueRefusal } from '../refusal.ts'
import type { Value } from '../value.ts'
import type { ValueOptions } from './parse-value.ts'
import { parseReferenceValue } from './reference.ts'
import { parseToken } from './token.ts'

/** A value behind a modifier that changes how the text is read. https://hl7.org/fhir/R4/search.html#modifiers */
export const parseModified = (modifier: Reading, asked: Asked): Value => {
  const { code } = asked.parameter
  if (asked.text === '') throw refusal(code, `The parameter "${code}" has an empty value`)
  return readings[modifier](asked)
}

type Reading = Exclude<Modifier['kind'], 'missing' | 'not' | 'type'>

type Asked = {
  readonly registry: Registry
  readonly parameter: SearchParameter
  readonly text: string
  readonly options: ValueOptions
}

const inValueSet = ({ text, options: { base } }: Asked): Value => {
  const url = unescapeText(text)
  const own = base === undefined ? '' : `${base}/`
  return { kind: 'concepts', asked: { by: 'in', valueSet: url.startsWith(own) ? url.slice(own.length) : url } }
}

const readings: Readonly<Record<Reading, (asked: Asked) => Value>> = {
  exact: ({ text }) => ({ kind: 'string', text: unescapeText(text), match: 'exact' }),
  contains: ({ text }) => ({ kind: 'string', text: unescapeText(text), match: 'contains' }),
  text: ({ text }) => ({ kind: 'display', text: unescapeText(text) }),
  in: inValueSet,
  'not-in': inValueSet,
  above: asked => (asked.parameter.type === 'uri' ? uri('above', asked) : subsumption('above', asked)),
  below: asked => {
    if (asked.parameter.type === 'uri') return uri('below', asked)
    return asked.parameter.type === 'token' ? subsumption('below', asked) : canonicalBelow(asked)
  },
  'of-type': ({ parameter, text }) => {
    const [system, code, value, ...more] = splitAt('|', text).map(unescapeText)
    // "All 3 parts must be present"
    if (!system || !code || !value || more.length > 0)
      throw valueRefusal(parameter, text, 'system|code|value, of the type of an identifier and its value')
    return { kind: 'of-type', system, code, value }
  },
  identifier: ({ parameter, text }) => {
    const token = parseToken({ ...parameter, paths: [] }, text)
    return { ...token, kind: 'identifier' }
  },
}

/** "the :above and :below modifiers only apply to URLs, and not URNS such as OIDs" */
const uri = (match: 'above' | 'below', { parameter, text }: Asked): Value => {
  const url = unescapeText(text)
  if (/^urn:/i.test(url)) throw valueRefusal(parameter, text, `a URL, since a URN has nothing ${match} it`)
  return { kind: 'uri', uri: url, match }
}

const canonicalBelow = ({ parameter, text, options }: Asked): Value => {
  const value = parseReferenceValue(parameter, text, options.base)
  if (value.kind !== 'url') throw valueRefusal(parameter, text, 'a canonical URL, with or without |version')
  return { ...value, below: true }
}

const subsumption = (by: 'above' | 'below', { registry, parameter, text }: Asked): Value => {
  const { system, code } = parseToken(parameter, text)
  if (code !== undefined && typeof system === 'string') return { kind: 'concepts', asked: { by, system, code } }
  const implied = impliedSystem(registry, parameter)
  if (code !== undefined && implied !== undefined) return { kind: 'concepts', asked: { by, system: implied, code } }
  if (by === 'below' && code?.includes('/') && hasOpenCodes(registry, parameter)) return { kind: 'mime', type: code }
  throw valueRefusal(parameter, text, 'system|code')
}

/** The one system that the binding of a `code` allows. */
const impliedSystem = ({ valueSets }: Registry, { paths }: SearchParameter): string | undefined => {
  const systems = paths.flatMap(({ valueSet = '' }) => [...(valueSets.get(valueSet)?.keys() ?? [])])
  return new Set(systems).size === 1 ? systems[0] : undefined
}

/** MIME types cannot be listed. https://hl7.org/fhir/R4/search.html#mimetype */
const hasOpenCodes = ({ valueSets }: Registry, { paths }: SearchParameter): boolean =>
  paths.some(({ datatype, valueSet = '' }) => datatype === 'code' && !valueSets.has(valueSet))
