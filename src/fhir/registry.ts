import { getCompileCacheDir } from 'node:module'
import { join } from 'node:path'
import type { ResourceType } from '@medplum/fhirtypes'
import { asPublished } from './definition/as-published.ts'
import type { Compartment } from './definition/compartment.ts'
import {
  type Definition,
  definitionDir,
  readDefinition,
  readDefinitions,
  readFolder,
} from './definition/definition-file.ts'
import { compileCompartments } from './definition/registry-compartment.ts'
import { compileSearchParameters, type SearchParameterDefinition } from './definition/registry-search-parameters.ts'
import { isResourceType, resourceTypes } from './definition/resource-type.ts'
import type { SearchParameter } from './definition/search-parameter.ts'
import {
  type Element,
  type Structure,
  type StructureDefinition,
  type Structures,
  toStructure,
} from './definition/structure.ts'
import { kept } from './kept.ts'
import { once } from './once.ts'
import { expandValueSets, type TerminologyDefinition, type ValueSets } from './value-set.ts'

/** Everything that the server knows about R4, and its own definitions, in a compact form. */
export type Registry = {
  readonly resourceTypes: readonly ResourceType[]
  readonly isResourceType: (name: unknown) => name is ResourceType
  readonly searchParameter: (type: ResourceType, code: string) => SearchParameter | undefined
  /** Including those of all types: `_id _lastUpdated _tag _profile _security _source`. */
  readonly searchParametersOf: (type: ResourceType) => readonly SearchParameter[]
  /** Codes of the parameters through which a type is in a compartment; empty if it is not. */
  readonly compartmentParameters: (compartment: Compartment, type: ResourceType) => readonly string[]
  /** What we publish ourselves in `fhir-profiles/`, unchanged. */
  readonly published: readonly Definition[]
  /** Those of one type. */
  readonly definitions: (kind: PublishedKind) => readonly Definition[]
  readonly structures: Structures
  /** The codes of required bindings. */
  readonly valueSets: ValueSets
}

type PublishedKind = 'CodeSystem' | 'ValueSet' | 'ConceptMap' | 'SearchParameter' | 'StructureDefinition'

/** Takes about half a second, once per process. If Node caches our compiled code (`NODE_COMPILE_CACHE`), the result is kept beside that. */
export const loadRegistry = once((): Registry => {
  const { published, structures, parameters, compartments, valueSets } = kept(
    { folder: getCompileCacheDir(), madeOf: [import.meta.dirname, publishedDir, capabilityDir, definitionDir] },
    compileDefinitions,
  )
  const listed = new Map([...parameters].map(([type, byCode]) => [type, [...byCode.values()]]))
  return {
    published,
    resourceTypes,
    isResourceType,
    searchParameter: (type, code) => parameters.get(type)?.get(code),
    searchParametersOf: type => listed.get(type) ?? [],
    compartmentParameters: (compartment, type) => compartments.get(compartment)?.get(type) ?? [],
    definitions: kind => published.filter(one => one.resourceType === kind),
    structures,
    valueSets,
  }
})

/** Reads R4's definitions file by file, and keeps none of their text. */
const compileDefinitions = () => {
  const published = readFolder(publishedDir)
  const structures = loadStructures()
  const parameters = compileSearchParameters(structures, [
    ...readDefinitions<SearchParameterDefinition>('search-parameters.json', ['SearchParameter']),
    ...(published.filter(one => one.resourceType === 'SearchParameter') as unknown as SearchParameterDefinition[]),
  ])
  const compartments = compileCompartments(readDefinition('compartmentdefinition-patient.json'))
  return { published, structures, parameters, compartments, valueSets: loadValueSets(structures) }
}

const root = join(import.meta.dirname, '..', '..')
const publishedDir = join(root, 'fhir-profiles')
const capabilityDir = join(root, 'capability')

const loadStructures = (): Structures => {
  const structures = new Map<string, Structure>()
  for (const file of ['profiles-types.json', 'profiles-resources.json']) {
    for (const definition of readDefinitions<StructureDefinition>(file, ['StructureDefinition'])) {
      if (isOfR4(definition)) structures.set(definition.name, toStructure(asPublished(definition)))
    }
  }
  return structures
}

/** The files also have a few types of later editions. */
const isOfR4 = ({ kind, name }: StructureDefinition): boolean =>
  kind === 'resource' ? isResourceType(name) || name === 'Resource' || name === 'DomainResource' : kind !== 'logical'

const loadValueSets = (structures: Structures): ValueSets => {
  const ofTypes = [...structures.values()].flatMap(({ root }) => requiredBy(root))
  const wanted = new Set([...ofTypes, unitsOfVitalSigns])
  return expandValueSets(readTerminology(), wanted)
}

/** A value set that only R4's own profiles require. */
const unitsOfVitalSigns = 'http://hl7.org/fhir/ValueSet/ucum-vitals-common'

const requiredBy = ({ requiredValueSet, children }: Element): string[] => [
  ...(requiredValueSet === undefined ? [] : [requiredValueSet]),
  ...[...children.values()].flatMap(requiredBy),
]

function* readTerminology(): Generator<TerminologyDefinition> {
  for (const file of ['valuesets.json', 'v3-codesystems.json']) {
    yield* readDefinitions<TerminologyDefinition>(file, ['CodeSystem', 'ValueSet'])
  }
}
