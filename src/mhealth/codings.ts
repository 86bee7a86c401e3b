import { systems } from '../fhir/canonical.ts'
import { jsonText } from '../fhir/json.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import { type ConceptMapping, type MappingTarget, openMhealthMaps } from '../fhir/measured/open-mhealth-maps.ts'
import { asList, asRecord } from './json-tree.ts'
import type { SchemaId } from './schema/schemas.ts'

export type Coding = { readonly system: string; readonly code: string; readonly display?: string }

/** What a document says about itself, by the names that `dependsOn` has in the ConceptMap. */
export type Facts = {
  readonly unit: string | undefined
  readonly specimen_source: string | undefined
  readonly descriptive_statistic: string | undefined
  readonly duration: string | undefined
}

export type Codings = {
  readonly of: (id: SchemaId) => Coding
  /** LOINC codes of a class: the `equivalent` ones, and those whose conditions the facts meet. */
  readonly loinc: (classKey: string, facts: Facts) => readonly Coding[]
  /** For a narrower LOINC code of the class: its conditions, if none of them is met; undefined if the code may be used. */
  readonly unmet: (classKey: string, code: string, facts: Facts) => string | undefined
  readonly snomed: (classKey: string) => readonly Coding[]
  /** The SNOMED CT code of an answer in words. */
  readonly answer: (words: string) => Coding | undefined
  readonly statistic: (words: string) => Coding | undefined
}

export const openCodings = (classes: CodeClasses): Codings => {
  const loinc = targetsByCode(openMhealthMaps.loinc)
  const snomed = new Map(
    [...targetsByCode(openMhealthMaps.snomed)].map(([classKey, targets]) => [
      classKey,
      // If a code is also a spelling of another schema, consent to that schema would be needed too.
      targets.map(toCoding(systems.snomed)).filter(({ system, code }) => classes.classOf(system, code) === classKey),
    ]),
  )
  const answers = codingByWords(systems.snomed)
  const statistics = codingByWords(systems.observationStatistics)
  return {
    of: ({ namespace, name, version }) => ({
      system: namespace === 'ieee' ? systems.ieee : systems.omh,
      code: `${namespace}:${name}:${version}`,
    }),
    loinc: (classKey, facts) =>
      (loinc.get(classKey) ?? []).filter(target => isMeant(target, facts)).map(toCoding(systems.loinc)),
    unmet: (classKey, code, facts) => {
      const meant = (loinc.get(classKey) ?? []).filter(one => one.code === code && one.equivalence === 'narrower')
      const conditions = meant.map(({ dependsOn = [] }) => dependsOn)
      if (conditions.length === 0 || conditions.some(some => isMet(some, facts))) return undefined
      return conditions.map(inWords).join(', or for ')
    },
    snomed: classKey => snomed.get(classKey) ?? none,
    answer: words => answers.get(words),
    statistic: words => statistics.get(words),
  }
}

const none: readonly Coding[] = []

const toCoding =
  (system: string) =>
  ({ code }: { readonly code: string }): Coding => ({ system, code })

const targetsByCode = ({ group }: ConceptMapping): ReadonlyMap<string, readonly MappingTarget[]> =>
  new Map(group.flatMap(({ element }) => element.map(({ code, target }) => [code, target] as const)))

const codingByWords = (system: string): ReadonlyMap<string, Coding> =>
  new Map(
    openMhealthMaps.answers.group
      .filter(({ target }) => target === system)
      .flatMap(({ element }) =>
        element.flatMap(({ code, target }) => target.map(one => [code, toCoding(system)(one)] as const)),
      ),
  )

/** The plain codes of LOINC mean a single measurement or a sum; any other statistic has a code of its own, or none. */
const plainStatistics: ReadonlySet<string | undefined> = new Set([undefined, 'sum'])

const isMeant = ({ equivalence, dependsOn }: MappingTarget, facts: Facts): boolean => {
  const isPlain = plainStatistics.has(facts.descriptive_statistic)
  if (equivalence === 'equivalent') return isPlain
  if (equivalence !== 'narrower' || dependsOn === undefined || !isMet(dependsOn, facts)) return false
  return isPlain || dependsOn.some(condition => factOf(condition) === 'descriptive_statistic')
}

const isMet = (conditions: Conditions, facts: Facts): boolean =>
  conditions.every(condition => facts[factOf(condition)] === condition.value)

const inWords = (conditions: Conditions): string =>
  conditions.map(condition => `${factOf(condition)} ${condition.value}`).join(', ')

type Conditions = NonNullable<MappingTarget['dependsOn']>

const factOf = ({ property }: { readonly property: string }): keyof Facts =>
  property.slice(property.indexOf('#') + 1) as keyof Facts

/** A key of any coding, even an invalid one, to tell whether two are the same. */
export const codingKey = (coding: unknown): string => {
  const { system, code } = asRecord(coding) ?? {}
  return `${jsonText(system)}|${jsonText(code)}`
}

/** The keys by which a component is recognised in another Observation. */
export const componentKeys = (component: unknown): readonly string[] =>
  asList(asRecord(asRecord(component)?.code)?.coding).map(codingKey)
