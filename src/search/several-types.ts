import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import { codeOf, isIncludeName, isNeverPassedOver, isParameterOf } from './parameter-name.ts'
import { refusal } from './refusal.ts'
import { isResultName } from './result-parameter.ts'
import { isUniversalName, universalNames } from './universal-parameter.ts'

export const typeName = '_type'

/**
 * Reduces a search of several types to the parameters that they share. Types named by `_type` must all have a parameter. Without `_type`,
 * only the parameters common to all types are accepted, and the few types that lack one (a Binary has no narrative) are left out.
 */
export const narrowToTypes = (
  registry: Registry,
  query: URLSearchParams,
  asked: {
    readonly types: readonly ResourceType[]
    readonly isNamed: boolean
    readonly handling: 'strict' | 'lenient'
  },
): {
  readonly types: readonly ResourceType[]
  readonly query: URLSearchParams
  readonly ignored: readonly string[]
} => {
  const entries = [...query].filter(([name]) => name !== typeName)
  const isShared = (name: string) =>
    isOfAll(name) ||
    (asked.isNamed ? asked.types.every(type => isParameterOf(registry, type, name)) : commonCodes.has(codeOf(name)))
  const unshared = entries.map(([name]) => name).filter(name => !isShared(name))
  const [first] = unshared
  const refused = asked.handling === 'strict' ? first : unshared.find(isNeverPassedOver)
  if (refused !== undefined) throw notShared(refused, asked)
  const kept = entries.filter(([name]) => isShared(name))
  const types = asked.types.filter(type => kept.every(([name]) => isOfAll(name) || isParameterOf(registry, type, name)))
  return { types, query: new URLSearchParams(kept), ignored: [...new Set(unshared)] }
}

const isOfAll = (name: string): boolean => isResultName(name) || isIncludeName(name) || isUniversalName(name)

const commonCodes: ReadonlySet<string> = new Set([
  '_id',
  '_lastUpdated',
  '_tag',
  '_profile',
  '_security',
  '_source',
  '_text',
  '_content',
])

const notShared = (name: string, { types, isNamed }: { types: readonly ResourceType[]; isNamed: boolean }) =>
  isNamed
    ? refusal(name, `"${name}" is no search parameter of all of ${types.join(', ')}`)
    : refusal(
        name,
        `"${name}" is no search parameter of all types: name in ${typeName} those that have it; accepted without: ${[...commonCodes, ...universalNames].join(', ')}`,
      )
