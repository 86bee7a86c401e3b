import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import type { Expression } from './expression.ts'
import { parseFilter } from './filter/filter.ts'
import type { ValueOptions } from './values/parse-value.ts'

/** Conditions of every type that no SearchParameter defines. They stand in no criteria, and at the end of no chain. */
export const reachParameters = [
  {
    name: '_filter',
    type: 'special',
    documentation:
      'https://hl7.org/fhir/R4/search_filter.html, whole: and, or, not, brackets, paths over references, and of the operators those that the type of a parameter allows. Not in scopes.',
  },
] as const

type ReachName = (typeof reachParameters)[number]['name']

export const reachNames: readonly ReachName[] = reachParameters.map(({ name }) => name)

export const isReachName = (name: string): name is ReachName => reachNames.some(one => one === name)

export const parseReach = (
  registry: Registry,
  type: ResourceType,
  name: ReachName,
  text: string,
  options: ValueOptions,
): Expression => {
  switch (name) {
    case '_filter':
      return parseFilter(registry, type, text, options)
  }
}
