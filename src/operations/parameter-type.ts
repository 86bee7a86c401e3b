import type { ParametersParameter } from '@medplum/fhirtypes'
import { refusal } from '../search/refusal.ts'

/** What a primitive parameter of an operation is. The types of text are not told apart, and neither are those of whole numbers, or of dates. */
export type ParameterType = keyof typeof writtenAs

/** The primitive parameters of an operation, by name. */
export type ParameterTypes = Readonly<Record<string, ParameterType>>

/** What an operation takes: primitive values in the URL or a Parameters, and others, which can only be posted. */
export type Taken = {
  readonly primitives: ParameterTypes
  readonly complex?: readonly string[]
  /** Besides these, the search parameters of its type. */
  readonly searches?: true
}

/** "The type … of the parameter": https://hl7.org/fhir/R4/operations.html#request. In a URL everything is text, and judged by what it says. */
export const requireType = (parameter: ParametersParameter, type: ParameterType): void => {
  const key = Object.keys(parameter).find(one => one.startsWith('value'))
  const { name } = parameter
  if (key === undefined || writtenAs[type].includes(key)) return
  const [first = '', ...others] = writtenAs[type].slice(0, mostSaid)
  const last = others.pop()
  const taken = last === undefined ? first : `${[first, ...others].join(', ')} or ${last}`
  throw refusal(`Parameters.parameter('${name}')`, `"${name}" takes a ${taken} here, not a ${key}`)
}

const whole = ['valueInteger', 'valuePositiveInt', 'valueUnsignedInt']
const text = [
  'valueString',
  'valueCode',
  'valueUri',
  'valueUrl',
  'valueCanonical',
  'valueId',
  'valueMarkdown',
  'valueOid',
  'valueUuid',
]
const date = ['valueDate', 'valueDateTime', 'valueInstant']

const writtenAs = {
  boolean: ['valueBoolean'],
  integer: whole,
  /** R4 has no such type, and guides write it as a string. */
  integer64: ['valueString', ...whole],
  decimal: ['valueDecimal', ...whole],
  date,
  text,
  /** The value of a search parameter, which may have a prefix. */
  search: [...text, ...date, 'valueDecimal', ...whole],
} satisfies Readonly<Record<string, readonly string[]>>

const mostSaid = 3
