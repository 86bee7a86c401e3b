import type { SearchParameter } from '../../fhir/search-parameter.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { elementText, someElement } from './element.ts'

/** Exact, as a uri is. https://hl7.org/fhir/R4/search.html#uri */
export const matchUri = (content: SqlFragment, parameter: SearchParameter, uri: string): SqlFragment =>
  someElement(content, parameter.paths, () => [{ holds: sql.fragment`${elementText} = ${uri}` }])
