/** Which codes a required binding allows. https://hl7.org/fhir/R4/terminologies.html#required */

/** By code system; several value sets share a Set. */
export type CodeSet = ReadonlyMap<string, ReadonlySet<string>>

/** By url. A ValueSet whose codes cannot be listed (all of UCUM, BCP-13, ISO 4217) is absent. */
export type ValueSets = ReadonlyMap<string, CodeSet>

type Concept = { readonly code: string; readonly concept?: readonly Concept[] }

type Include = {
  readonly system?: string
  readonly concept?: readonly Concept[]
  readonly filter?: unknown
  readonly valueSet?: unknown
}

/** What is read of a published ValueSet or CodeSystem. */
export type TerminologyDefinition = {
  readonly resourceType: string
  readonly url: string
  readonly content?: string
  readonly concept?: readonly Concept[]
  readonly compose?: { readonly include: readonly Include[]; readonly exclude?: unknown }
}

/** Expands the wanted ones of the definitions. The others are read once and not kept. */
export const expandValueSets = (
  definitions: Iterable<TerminologyDefinition>,
  wanted: ReadonlySet<string>,
): ValueSets => {
  const composed = new Map<string, readonly Include[]>()
  const systems = new Map<string, ReadonlySet<string>>()
  for (const { resourceType, url, content, concept = [], compose } of definitions) {
    if (resourceType === 'CodeSystem' && content === 'complete') systems.set(url, new Set(codesOf(concept)))
    if (resourceType === 'ValueSet' && wanted.has(url) && compose?.exclude === undefined) {
      composed.set(url, compose?.include ?? [])
    }
  }
  const expanded = [...composed].map(([url, includes]) => [url, expand(includes, systems)] as const)
  return new Map(expanded.filter((entry): entry is readonly [string, CodeSet] => entry[1] !== undefined))
}

const expand = (
  includes: readonly Include[],
  systems: ReadonlyMap<string, ReadonlySet<string>>,
): CodeSet | undefined => {
  const codes = new Map<string, ReadonlySet<string>>()
  for (const { system = '', concept, filter, valueSet } of includes) {
    const included = concept === undefined ? systems.get(system) : new Set(codesOf(concept))
    if (included === undefined || filter !== undefined || valueSet !== undefined) return undefined
    const known = codes.get(system)
    codes.set(system, known === undefined ? included : new Set([...known, ...included]))
  }
  return codes.size === 0 ? undefined : codes
}

const codesOf = (concepts: readonly Concept[]): string[] =>
  concepts.flatMap(({ code, concept = [] }) => [code, ...codesOf(concept)])
