import { systems } from '../canonical.ts'
import { type ConceptMapping, openMhealthMaps as maps } from './open-mhealth-maps.ts'

/** A code as it may be written in a coding, a search or a scope; without a system, it is the text alone. */
type Spelling = { readonly system?: string; readonly code: string }

/** What people consent to: a class of codes, and narrower codes that are included in the consent without being of the class. */
export type Kind = { readonly key: string; readonly display: string; readonly narrower: readonly Spelling[] }

export type CodeClasses = {
  /** `omh:heart-rate` for each spelling of that class; for a code that is of no such class, `system|code`. */
  readonly classOf: (system: string | undefined, code: string) => string
  /**
   * What a token search for the code means: that the class of the coding is one of `keys`, or, with `anySystem`, that its code is this text.
   * `system` is absent if the search leaves it open, and null if it asks for none (`|code`).
   */
  readonly classesAsked: (
    system: string | null | undefined,
    code: string,
  ) => { readonly keys: string[]; readonly anySystem: boolean }
  /** The kind to which consent is needed for data with this code; undefined if the code has none. */
  readonly kindOf: (system: string | undefined, code: string) => string | undefined
  readonly spellings: (classKey: string) => readonly Spelling[]
  readonly kinds: () => readonly Kind[]
}

/**
 * Classes and kinds of codes, from our ConceptMaps and CodeSystems. A code is in one class only: if two schemas name it, the first in the map
 * has it.
 */
export const openCodeClasses = (): CodeClasses => {
  const known = collectSpellings()
  const narrower = collectNarrower()
  const systemsByCode = Map.groupBy(known.keys(), key => key.slice(key.indexOf('|') + 1))

  const spelled = (system: string | undefined, code: string) =>
    known.get(keyOf(system, code)) ?? unlistedSchema(known, system, code) ?? canonicalKey(system, code)
  const classOf: CodeClasses['classOf'] = (system, code) => spelled(system, code) ?? keyOf(system, code)
  const classesAsked: CodeClasses['classesAsked'] = (system, code) => {
    if (system !== undefined) return { keys: [classOf(system ?? undefined, code)], anySystem: false }
    const own = spelled(undefined, code)
    if (own !== undefined) return { keys: [own], anySystem: false }
    return { keys: [...new Set(systemsByCode.get(code)?.map(key => known.get(key) ?? key))], anySystem: true }
  }
  const kindOf: CodeClasses['kindOf'] = (system, code) => {
    const key = classOf(system, code)
    return key.includes('|') ? narrower.kindByCode.get(key) : key
  }
  const spellingsByClass = Map.groupBy(known, ([, classKey]) => classKey)
  const kinds = schemaConcepts
    .filter(({ code }) => classOf(undefined, code) === code)
    .map(({ code, display }) => ({ key: code, display, narrower: narrower.codesByKind.get(code) ?? [] }))

  return {
    classOf,
    classesAsked,
    kindOf,
    spellings: classKey => spellingsByClass.get(classKey)?.map(([key]) => toSpelling(key)) ?? [toSpelling(classKey)],
    kinds: () => kinds,
  }
}

const keyOf = (system: string | undefined, code: string): string => `${system ?? ''}|${code}`

const toSpelling = (key: string): Spelling => {
  const bar = key.indexOf('|')
  if (bar < 0) return { code: key }
  return bar === 0 ? { code: key.slice(1) } : { system: key.slice(0, bar), code: key.slice(bar + 1) }
}

const schemaConcepts = maps.codeSystems.flatMap(one => one.concept)

/** `system|code` → class, for every spelling that can be listed. */
const collectSpellings = (): ReadonlyMap<string, string> => {
  const known = new Map<string, string>()
  for (const [key, classKey] of [...schemaSpellings(), ...standardSpellings()]) {
    if (!known.has(key)) known.set(key, classKey)
  }
  for (const [key, classKey] of [...known]) for (const alias of bioportalSpellings(key)) known.set(alias, classKey)
  return known
}

/** Apps also write an IEEE id under the Open mHealth system, and the other way round, or either without a system. */
const schemaSystems = [systems.omh, systems.ieee, undefined]

const schemaSpellings = (): readonly (readonly [string, string])[] => {
  const carriedOn = new Map(pairs(maps.ieeeToOmh).map(({ code, target }) => [code, target.code]))
  return schemaConcepts.flatMap(schema => {
    const classKey = carriedOn.get(schema.code) ?? schema.code
    const ids = [schema, ...(schema.concept ?? [])].flatMap(({ code }) =>
      schemaSystems.map(system => keyOf(system, code)),
    )
    const scopes = (schema.property ?? []).map(({ valueCode }) => keyOf(undefined, valueCode))
    return [...ids, ...scopes].map(key => [key, classKey] as const)
  })
}

/** Every SNOMED code that a schema names is a spelling of it, whatever its relation; of the LOINC codes, only equivalent ones are. */
const standardSpellings = (): readonly (readonly [string, string])[] => [
  ...pairs(maps.snomed).map(({ code, target }) => [keyOf(systems.snomed, target.code), code] as const),
  ...pairs(maps.loinc)
    .filter(({ target }) => target.equivalence === 'equivalent')
    .map(({ code, target }) => [keyOf(systems.loinc, target.code), code] as const),
]

/** Codes that say more than their schema: they are shared by whoever shares the kind, but they are not the same. */
const collectNarrower = () => {
  const narrower = pairs(maps.loinc).filter(({ target }) => target.equivalence === 'narrower')
  return {
    kindByCode: new Map(narrower.map(({ code, target }) => [keyOf(systems.loinc, target.code), code])),
    codesByKind: new Map(
      [...Map.groupBy(narrower, ({ code }) => code)].map(([code, targets]) => [
        code,
        [...new Set(targets.map(({ target }) => target.code))].map(one => ({ system: systems.loinc, code: one })),
      ]),
    ),
  }
}

const pairs = ({ group }: ConceptMapping) =>
  group.flatMap(({ element }) => element.flatMap(({ code, target }) => target.map(one => ({ code, target: one }))))

/** The URIs by which the Open mHealth schemas themselves refer to standard codes. */
const bioportal = [
  { root: 'http://purl.bioontology.org/ontology/SNOMEDCT', system: systems.snomed },
  { root: 'http://purl.bioontology.org/ontology/LNC', system: systems.loinc },
] as const

const bioportalSpellings = (key: string): readonly string[] =>
  bioportal.flatMap(({ root, system }) => {
    if (!key.startsWith(`${system}|`)) return []
    const code = key.slice(system.length + 1)
    return [`|${root}/${code}`, `${root}/|${code}`, `${root}|${code}`]
  })

/** A standard code, if it is written as its BioPortal URI, even if no schema names it. */
const canonicalKey = (system: string | undefined, code: string): string | undefined => {
  const uri = system === undefined ? code : `${system.replace(/\/$/, '')}/${code}`
  const found = bioportal.find(({ root }) => uri.startsWith(`${root}/`))
  return found && keyOf(found.system, uri.slice(found.root.length + 1))
}

const schemaId = /^([a-z][\w-]*:[a-z][\w-]*)(?::\d[\w.]*)?$/
const ownNamespace = /^(?:omh|ieee|granola|local):/

/**
 * Another version of a schema that we know belongs to the schema's class. `omh:foo:1.0` is in the class `omh:foo`, although we do not know that
 * schema; the same is true of `acme:foo` in those systems.
 */
const unlistedSchema = (known: ReadonlyMap<string, string>, system: string | undefined, code: string) => {
  if (system === undefined ? !ownNamespace.test(code) : system !== systems.omh && system !== systems.ieee)
    return undefined
  const id = schemaId.exec(code)?.[1]
  return id === undefined ? undefined : (known.get(keyOf(undefined, id)) ?? id)
}

/** The class of the kind, and the narrower codes that it includes. */
export const codesOf = ({ key, narrower }: Kind): readonly string[] => [
  `${key.startsWith('ieee:') ? systems.ieee : systems.omh}|${key}`,
  ...narrower.map(({ system = '', code }) => `${system}|${code}`),
]
