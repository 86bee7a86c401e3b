import { typeOfKind } from '../../access/shared-type.ts'
import { codesOf } from '../../fhir/measured/code-class.ts'
import { requestedData } from '../../studies/definition/requested-data.ts'
import type { PageOptions } from '../page/add-page.ts'
import { ticked } from '../page/typed.ts'
import type { ReadStudy } from './read-study.ts'

/** The search that reads the chosen kinds, and the scopes that it needs. */
export type Chosen = { readonly query: URLSearchParams; readonly scopes: readonly string[] }

/** Undefined if nothing was chosen that the study asks for. */
export const chosenIn = (body: unknown, read: ReadStudy, options: PageOptions): Chosen | undefined => {
  const chosen = ticked(body, 'kind')
  const kinds = kindsOf(read, options).filter(kind => chosen.includes(kind))
  if (kinds.length === 0) return undefined
  const codes = kinds.map(kind => codesFor(kind, options))
  return {
    query: new URLSearchParams({ code: codes.join(',') }),
    scopes: codes.map(one => `user/Observation.rs?code=${one}`),
  }
}

/** The kinds of readings that the study asks for. */
export const kindsOf = ({ study }: ReadStudy, { codeClasses }: PageOptions): readonly string[] => {
  const kinds = requestedData(study, codeClasses).map(({ kind }) => kind)
  return [...new Set(kinds.filter(kind => typeOfKind(kind) === undefined))]
}

const codesFor = (key: string, { codeClasses }: PageOptions): string => {
  const known = codeClasses.kinds().find(one => one.key === key)
  return codesOf(known ?? { key, display: key, narrower: [] }).join(',')
}
