import { extensions, standardExtensions, systems } from '../fhir/canonical.ts'
import { codingKey, componentKeys } from './codings.ts'
import { asList, asRecord, asText, defined, type JsonRecord } from './json-tree.ts'
import type { NativeFace } from './observation.ts'
import { claimsOf } from './profile-claim.ts'

/** The Observation in R4: what the client sent, what the document says, and the document in its extension. */
export const mergeFace = (observation: JsonRecord, face: NativeFace, attachment: JsonRecord): JsonRecord => {
  const { resourceType, id, meta, implicitRules, language, text, contained, ...rest } = observation
  const { valueAttachment: _, extension, identifier, status, category, code, component, ...others } = rest
  const { category: derivedCategory, ...elements } = face.elements
  const merged = defined({
    extension: withExtensions(asList(extension), face.extensions, attachment),
    identifier: withIdentifier(identifier, face.identifier),
    status: status ?? 'final',
    category: category ?? derivedCategory,
    code: codeOf(asRecord(code), face),
    ...without(elements, others),
    ...others,
    performer: others.performer ?? (face.isSelfReported ? selfReporter(others.subject) : undefined),
    component: mergeComponents(asList(component), face.components),
  })
  const before = {
    resourceType,
    id,
    meta: withClaims(meta, claimsOf(merged)),
    implicitRules,
    language,
    text,
    contained,
  }
  return { ...defined(before), ...merged }
}

/** A code that the client sent stays in its words; one that is ours says in words what was measured. */
const codeOf = (sent: JsonRecord | undefined, face: NativeFace): JsonRecord => {
  const coding = mergeCodings(asList(sent?.coding), face)
  if (sent !== undefined) return { ...sent, coding }
  return { coding, ...(face.name !== undefined && { text: face.name }) }
}

/** The derived elements without those that the client sent, which agree; of a choice, under whichever of its names. */
const without = (derived: JsonRecord, sent: JsonRecord): JsonRecord => {
  const choices = new Set(Object.keys(sent).map(choiceOf))
  return Object.fromEntries(Object.entries(derived).filter(([name]) => !choices.has(choiceOf(name))))
}

/** `value` for `valueQuantity`, and the name itself for what is no choice. */
export const choiceOf = (name: string): string => /^(?:value|effective)(?=[A-Z])/.exec(name)?.[0] ?? name

/** Adds claims to those of the client, which are all kept. */
const withClaims = (meta: unknown, claims: readonly string[]): unknown => {
  const sent = asList(asRecord(meta)?.profile)
  const added = claims.filter(one => !sent.includes(one))
  return added.length === 0 ? meta : { ...asRecord(meta), profile: [...sent, ...added] }
}

const withExtensions = (
  sent: readonly unknown[],
  derived: readonly JsonRecord[],
  attachment: JsonRecord,
): readonly unknown[] => {
  const value = { url: standardExtensions.observationValue, valueAttachment: attachment }
  const own = [value, ...derived]
  const ownUrls = new Set<unknown>([extensions.documentRepair, ...own.map(({ url }) => url)])
  return [...own, ...sent.filter(one => !ownUrls.has(asRecord(one)?.url))]
}

const withIdentifier = (sent: unknown, derived: JsonRecord | undefined): unknown => {
  if (derived === undefined) return sent
  const known = asList(sent).some(one => asRecord(one)?.value === derived.value)
  return known ? sent : [derived, ...asList(sent)]
}

/** The document's own schema ids replace those that the client sent; a coding that both have is kept as the client wrote it. */
const mergeCodings = (sent: readonly unknown[], { codings }: NativeFace): readonly unknown[] => {
  const sentByKey = new Map(sent.map(one => [codingKey(one), one]))
  const derived = new Set(codings.map(codingKey))
  const others = sent.filter(one => !derived.has(codingKey(one)) && !isSchemaSystem(asRecord(one)?.system))
  return [...codings.map(one => sentByKey.get(codingKey(one)) ?? one), ...others]
}

const isSchemaSystem = (system: unknown): boolean => system === systems.omh || system === systems.ieee

/** People who report their own data are the performers. */
const selfReporter = (subject: unknown) =>
  /(?:^|\/)Patient\//.test(asText(asRecord(subject)?.reference) ?? '') ? [subject] : undefined

const mergeComponents = (sent: readonly unknown[], derived: readonly JsonRecord[]): unknown => {
  const known = new Set(sent.flatMap(componentKeys))
  const all = [...sent, ...derived.filter(one => !componentKeys(one).some(key => known.has(key)))]
  return all.length === 0 ? undefined : all
}
