import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import type { Expression } from './expression.ts'
import { parseFilter } from './filter/filter.ts'
import { refusal } from './refusal.ts'
import type { ValueOptions } from './values/parse-value.ts'

/** Conditions that every type has, and that no SearchParameter defines. They cannot be used as criteria, nor at the end of a chain. */
export const universalParameters = [
  {
    name: '_filter',
    type: 'special',
    documentation:
      'All of https://hl7.org/fhir/R4/search_filter.html: and, or, not, brackets, paths over references, and the operators that the type of a parameter allows. Not in scopes.',
  },
  {
    name: '_list',
    type: 'token',
    documentation:
      'The items of a List, by its id, that were not removed from it; none for a List that the caller may not search. Lists by name, such as $current-problems, are not supported.',
  },
] as const

type UniversalName = (typeof universalParameters)[number]['name']

export const universalNames: readonly UniversalName[] = universalParameters.map(({ name }) => name)

export const isUniversalName = (name: string): name is UniversalName => universalNames.some(one => one === name)

export const parseUniversal = (
  registry: Registry,
  type: ResourceType,
  [name, text]: readonly [name: UniversalName, text: string],
  options: ValueOptions,
): Expression => {
  switch (name) {
    case '_filter':
      return parseFilter(registry, type, text, options)
    case '_list':
      return parseList(text)
  }
}

/** https://hl7.org/fhir/R4/search.html#list */
const parseList = (text: string): Expression => {
  const ids = text.split(',').map(one => /^(?:List\/)?([A-Za-z0-9\-.]{1,64})$/.exec(one)?.[1] ?? refuseList(one))
  return { kind: 'listed', by: { kind: 'identified', ids } }
}

const refuseList = (text: string): never => {
  throw text.startsWith('$')
    ? refusal('_list', `"${text}" is a list by name, of which none is kept here; accepted: the id of a List`)
    : refusal('_list', `"${text}" is no value of "_list"; accepted: the id of a List, or several with commas between`)
}
