import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { refusal } from '../refusal.ts'
import type { Value } from '../value.ts'
import { parseComposite } from './composite.ts'
import { parseDate } from './date.ts'
import { parseNear } from './near.ts'
import { parseNumber } from './number.ts'
import { parseQuantity } from './quantity.ts'
import { parseReferenceValue } from './reference.ts'
import { parseString } from './string.ts'
import { parseToken } from './token.ts'
import { parseUri } from './uri.ts'
import { parseWords } from './words.ts'

export type ValueOptions = {
  /** Absolute base of this server, without a slash at the end: its URLs are literal references. */
  readonly base?: string | undefined
}

/** One value of a parameter, between commas and with its escapes. Refuses what the parameter's type cannot mean. */
export const parseValue = (parameter: SearchParameter, text: string, options: ValueOptions): Value => {
  if (text === '') throw refusal(parameter.code, `The parameter "${parameter.code}" has an empty value`)
  switch (parameter.type) {
    case 'token':
      return parseToken(parameter, text)
    case 'reference':
      return parseReferenceValue(parameter, text, options.base)
    case 'date':
      return parseDate(parameter, text)
    case 'string':
      return parseString(text)
    case 'quantity':
      return parseQuantity(parameter, text)
    case 'number':
      return parseNumber(parameter, text)
    case 'uri':
      return parseUri(text)
    case 'composite':
      return parseComposite(parameter, text, (component, part) => parseValue(component, part, options))
    case 'special':
      return parameter.code === 'near' ? parseNear(parameter, text) : parseWords(parameter, text)
  }
}
