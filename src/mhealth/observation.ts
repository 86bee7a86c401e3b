import { extensions, systems } from '../fhir/canonical.ts'
import { eachInSteps, type Steps } from '../fhir/give-way.ts'
import { isNumber, toNumber } from '../fhir/json.ts'
import { cgmReadings } from '../fhir/measured/cgm.ts'
import { bodySite, circumstancesOf, noteOf, wordsIn } from './circumstances.ts'
import { named, schemaName } from './code-names.ts'
import type { Coding, Codings, Facts } from './codings.ts'
import { toDateTime } from './date-time.ts'
import type { OmhDocument } from './document.ts'
import { type Effective, isOneDay } from './effective.ts'
import { type ComponentMap, type ElementMap, elementMapOf } from './element-map.ts'
import { asRecord, asText, type JsonRecord } from './json-tree.ts'
import type { Judgement } from './judge.ts'
import { isSelfReported } from './modality.ts'
import { quantityIn } from './quantity.ts'
import { repairExtensions } from './repair-extension.ts'
import { sampledData } from './sampled-data.ts'
import type { Timing } from './timing.ts'

/**
 * To be changed whenever the same document would get other native elements, so that stored ones can be found and derived again. Names of codes are
 * no reason: what stands is not given a next version for them.
 */
export const mapVersion = 12

/** The native elements that a document gives to its Observation. */
export type NativeFace = {
  readonly codings: readonly Coding[]
  /** What was measured, in words. */
  readonly name: string | undefined
  readonly elements: JsonRecord
  readonly components: readonly JsonRecord[]
  readonly extensions: readonly JsonRecord[]
  readonly identifier: JsonRecord | undefined
  readonly isSelfReported: boolean
  readonly effective: Effective | undefined
  /** Absent if the document was not validated. */
  readonly facts?: Facts
}

/** The elements of https://hl7.org/fhir/R4/observation.html from a document; if that was not validated, only from its id and its times. */
export const deriveFace = function* (
  document: OmhDocument,
  judgement: Judgement,
  classKey: string,
  codings: Codings,
  { effective, each }: Pick<Timing, 'effective' | 'each'>,
): Steps<NativeFace> {
  const bodies = judgement.bodies.map(body => asRecord(body) ?? {})
  const common = {
    name: schemaName(codings.of(document.id).code),
    identifier: identifierOf(document.plain.header),
    isSelfReported: isSelfReported(document.plain.header),
    effective,
  }
  const repairs = repairExtensions(judgement.findings.flatMap(one => one.repairs ?? []))
  const timing = { ...effective?.element, ...issued(document.plain.header) }
  if (!judgement.validated) {
    return { ...common, codings: [named(codings.of(document.id))], elements: timing, ...bare, extensions: repairs }
  }
  const [body = {}] = bodies
  const map = elementMapOf(classKey)
  const isSeries = bodies.length > 1
  const isMixed = isSeries && !isOfOneStatistic(bodies, map)
  const sampled = isSeries && !isMixed ? bodies : []
  const own = yield* eachInSteps(bodies, one => mainValue(one, map, document))
  const [first = {}] = own
  const value = isSeries ? yield* sampledData(sampled, valuePath(map, document), map) : first
  const components = isSeries ? yield* sampledComponents(sampled, map) : componentsOf(body, map)
  const facts = factsOf(body, first, isSeries ? each[0] : effective)
  const ofEach = isSeries
    ? yield* eachInSteps(bodies, (one, index) => factsOf(one, own[index] ?? {}, each[index]))
    : [facts]
  const loinc = codesOfAll(yield* distinctOf(ofEach), one => codings.loinc(classKey, one))
  const circumstances = isSeries ? [] : circumstancesOf(body, codings, loinc)
  return {
    ...common,
    codings: [...loinc.map(named), named(codings.of(document.id)), ...codings.snomed(classKey)],
    elements: {
      ...categoryOf(map),
      ...timing,
      ...inGuideWords(value, loinc),
      ...bodySite(bodies, codings),
      ...(isSeries ? {} : noteOf(body)),
    },
    components: [...components, ...circumstances],
    facts,
    extensions: [...(isMixed ? [] : statisticExtension(body, map, codings)), ...repairs],
  }
}

const bare = { components: [] }

/** A series has a code if each of its points has it: counts for each hour of a day are no counts for a day. */
const codesOfAll = (all: readonly Facts[], codesOf: (facts: Facts) => readonly Coding[]): readonly Coding[] => {
  const [first = [], ...others] = all.map(codesOf)
  return first.filter(({ code }) => others.every(codes => codes.some(one => one.code === code)))
}

/** The distinct ones, nearly always a single one. */
const distinctOf = function* (all: readonly Facts[]): Steps<readonly Facts[]> {
  const distinct = new Map<string, Facts>()
  for (const [index, facts] of all.entries()) {
    yield
    const before = all[index - 1]
    if (before === undefined || !factNames.every(name => before[name] === facts[name]))
      distinct.set(JSON.stringify(facts), facts)
  }
  return [...distinct.values()]
}

const factNames = ['unit', 'specimen_source', 'descriptive_statistic', 'duration'] as const satisfies (keyof Facts)[]

/** Whether all bodies are the same statistic: an average and a maximum are not samples of one signal. */
const isOfOneStatistic = (bodies: readonly JsonRecord[], map: ElementMap): boolean => {
  const said = bodies.map(body => measuredIn(body, map))
  const [first = {}] = said
  return said.every(one => statisticFields.every(name => one[name] === first[name]))
}

const statisticFields = ['descriptive_statistic', 'descriptive_statistic_denominator'] as const

const measuredIn = (body: JsonRecord, { under }: ElementMap): JsonRecord =>
  (under === undefined ? undefined : asRecord(body[under])) ?? body

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const identifierOf = (header: JsonRecord | undefined): JsonRecord | undefined => {
  const id = asText(header?.uuid ?? header?.id)?.replace(/^urn:uuid:/, '')
  return id !== undefined && uuid.test(id)
    ? { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${id.toLowerCase()}` }
    : undefined
}

/** When it was made available on the system that sent it, or if that is not said, at its source. */
const issued = (header: JsonRecord | undefined) => {
  const time = toDateTime(header?.creation_date_time) ?? toDateTime(header?.source_creation_date_time)
  return time === undefined ? {} : { issued: time }
}

const categoryOf = ({ category }: ElementMap) =>
  category === undefined ? {} : { category: [{ coding: [{ system: systems.observationCategory, code: category }] }] }

const valuePath = (map: ElementMap, { id }: OmhDocument): string | null =>
  map.value === undefined ? id.name.replaceAll('-', '_') : map.value

const mainValue = (body: JsonRecord, map: ElementMap, document: OmhDocument): JsonRecord => {
  const path = valuePath(map, document)
  return path === null ? {} : toValue(body, path, map)
}

const toValue = (part: JsonRecord, path: string, asked: Pick<ElementMap, 'units' | 'bare'>): JsonRecord => {
  const found = part[path]
  if (typeof found === 'string') return toWords(found)
  if (typeof found === 'boolean') return { valueBoolean: found }
  const quantity = quantityIn(part, path, asked)
  if (quantity !== undefined) return { valueQuantity: quantity }
  return isNumber(found) ? toNumberValue(found) : {}
}

const toWords = (found: string): JsonRecord => {
  const text = wordsIn(found)
  return text === undefined ? {} : { valueCodeableConcept: { text } }
}

/** An integer if it is one; R4's has no fraction or exponent, as some documents have in counts, so 3.0 becomes 3. */
const toNumberValue = (found: unknown): JsonRecord => {
  const number = toNumber(found)
  const isInteger = Number.isInteger(number) && Math.abs(number) <= mostInteger
  return isInteger ? { valueInteger: number } : { valueQuantity: { value: found } }
}

/** https://hl7.org/fhir/R4/datatypes.html#integer */
const mostInteger = 2 ** 31 - 1

/** Readings of glucose sensors have their unit in the words of the guide, whose patterns contain them. */
const inGuideWords = (value: JsonRecord, loinc: readonly Coding[]): JsonRecord => {
  const reading = cgmReadings.find(({ code }) => loinc.some(one => one.code === code))
  const quantity = asRecord(value.valueQuantity)
  if (reading === undefined || quantity?.code !== reading.quantity.code) return value
  return { valueQuantity: { ...quantity, unit: reading.quantity.unit } }
}

const componentsOf = (body: JsonRecord, map: ElementMap): readonly JsonRecord[] => {
  const part = map.under === undefined ? body : (asRecord(body[map.under]) ?? {})
  const statistic = asText(part.descriptive_statistic)
  return (map.components ?? []).flatMap(component => {
    const found = part[component.path]
    if (found === undefined) return []
    return [
      { code: { coding: componentCoding(component, found, statistic) }, ...toValue(part, component.path, component) },
    ]
  })
}

/** For points with several values each, such as pressures: a component for each value, as an ECG has one for each lead. */
const sampledComponents = function* (bodies: readonly JsonRecord[], map: ElementMap): Steps<readonly JsonRecord[]> {
  const [first = {}] = bodies
  const statistic = asText(first.descriptive_statistic)
  const components: JsonRecord[] = []
  if (map.under !== undefined) return components
  for (const component of map.components ?? []) {
    const sampled = yield* sampledData(bodies, component.path, component)
    const code = { coding: componentCoding(component, first[component.path], statistic) }
    if ('valueSampledData' in sampled) components.push({ code, ...sampled })
  }
  return components
}

const componentCoding = (
  { path, loinc, snomed, unit, statistic }: ComponentMap,
  found: unknown,
  said: string | undefined,
): readonly Coding[] => {
  const isPlain = said === undefined || said === 'sum'
  const ofStatistic = said === statistic?.name ? statistic?.loinc : undefined
  const isOtherUnit = unit !== undefined && asRecord(found)?.unit !== unit
  const standard = [
    ...toCodings(systems.loinc, isOtherUnit ? undefined : isPlain ? loinc : ofStatistic),
    ...toCodings(systems.snomed, snomed),
  ]
  return standard.length > 0 ? standard : [{ system: systems.omhElement, code: path }]
}

const toCodings = (system: string, code: string | undefined): readonly Coding[] =>
  code === undefined ? [] : [system === systems.loinc ? named({ system, code }) : { system, code }]

const factsOf = (body: JsonRecord, value: JsonRecord, effective: Effective | undefined): Facts => ({
  unit: asText(asRecord(value.valueQuantity)?.unit),
  specimen_source: asText(body.specimen_source ?? body.blood_specimen_type) ?? 'unspecified',
  descriptive_statistic: asText(body.descriptive_statistic),
  duration: isOneDay(effective) ? '1 d' : undefined,
})

const statisticExtension = (body: JsonRecord, map: ElementMap, codings: Codings): readonly JsonRecord[] => {
  const part = measuredIn(body, map)
  const statistic = asText(part.descriptive_statistic)
  if (statistic === undefined) return []
  const coding = codings.statistic(statistic)
  const concept = { ...(coding === undefined ? {} : { coding: [coding] }), text: statistic }
  const denominator = asText(part.descriptive_statistic_denominator)
  const per = denominator === undefined ? [] : [{ url: 'denominator', valueString: denominator }]
  return [
    { url: extensions.descriptiveStatistic, extension: [{ url: 'statistic', valueCodeableConcept: concept }, ...per] },
  ]
}
