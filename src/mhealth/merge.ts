import { extensions, standardExtensions, systems } from '../fhir/canonical.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Issue } from '../fhir/error.ts'
import { compareNative } from './agreement.ts'
import type { Codings } from './codings.ts'
import { codedSchemas, type OmhDocument } from './document.ts'
import { detailsOf, type Finding, finding } from './finding.ts'
import { asList, asRecord, asText, type JsonRecord } from './json-tree.ts'
import type { NativeFace } from './observation.ts'
import { claimsOf } from './profile-claim.ts'

/** The Observation as R4 has it: what the client sent, what the document says, and the document in its extension. */
export const mergeFace = (observation: JsonRecord, face: NativeFace, attachment: JsonRecord): JsonRecord => {
  const { resourceType, id, meta, implicitRules, language, text, contained, ...rest } = observation
  const { valueAttachment: _, extension, identifier, status, category, code, component, ...others } = rest
  const { category: derivedCategory, ...elements } = face.elements
  const merged = defined({
    extension: withExtensions(asList(extension), face.extensions, attachment),
    identifier: withIdentifier(identifier, face.identifier),
    status: status ?? 'final',
    category: category ?? derivedCategory,
    code: { ...asRecord(code), coding: mergeCodings(asList(asRecord(code)?.coding), face) },
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

/** In a loop: by lists of entries it took a tenth of an upload's way through this room. */
const defined = (record: JsonRecord): JsonRecord => {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(record)) if (value !== undefined) kept[name] = value
  return kept
}

/** The client's element stands where it agrees, whichever of the names of a choice it has. */
const without = (derived: JsonRecord, sent: JsonRecord): JsonRecord => {
  const choices = new Set(Object.keys(sent).map(choiceOf))
  return Object.fromEntries(Object.entries(derived).filter(([name]) => !choices.has(choiceOf(name))))
}

const choiceOf = (name: string): string => /^(?:value|effective)(?=[A-Z])/.exec(name)?.[0] ?? name

/** What the client claims is the client's. */
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

const keyOf = (coding: unknown): string => `${asRecord(coding)?.system}|${asRecord(coding)?.code}`

/** Schema ids that the client sent give way to the document's own; a coding of both stays as the client wrote it. */
const mergeCodings = (sent: readonly unknown[], { codings }: NativeFace): readonly unknown[] => {
  const sentByKey = new Map(sent.map(one => [keyOf(one), one]))
  const derived = new Set(codings.map(keyOf))
  const others = sent.filter(one => !derived.has(keyOf(one)) && !isSchemaSystem(asRecord(one)?.system))
  return [...codings.map(one => sentByKey.get(keyOf(one)) ?? one), ...others]
}

const isSchemaSystem = (system: unknown): boolean => system === systems.omh || system === systems.ieee

/** Who reports their own data is its performer. */
const selfReporter = (subject: unknown) =>
  /(?:^|\/)Patient\//.test(asText(asRecord(subject)?.reference) ?? '') ? [subject] : undefined

const mergeComponents = (sent: readonly unknown[], derived: readonly JsonRecord[]): unknown => {
  const known = new Set(sent.flatMap(componentKeys))
  const all = [...sent, ...derived.filter(one => !componentKeys(one).some(key => known.has(key)))]
  return all.length === 0 ? undefined : all
}

const componentKeys = (component: unknown): readonly string[] =>
  asList(asRecord(asRecord(component)?.code)?.coding).map(keyOf)

/** Where the client's own elements and the document contradict each other, both are named: no policy takes that. */
export const contradictions = (observation: JsonRecord, face: NativeFace, document: OmhDocument): readonly Issue[] => [
  ...contradictingSubject(observation, document),
  ...[...compareNative(observation, face), ...contradictingComponents(observation, face)].map(issue => ({
    ...issue,
    details: detailsOf('contradiction'),
  })),
]

/** Where the codes of the Observation say something else than the document. */
export const codeFindings = (
  observation: JsonRecord,
  face: NativeFace,
  document: OmhDocument,
  { classes, codings }: { readonly classes: CodeClasses; readonly codings: Codings },
): readonly Finding[] => {
  const { id } = document
  const own = `${id.namespace}:${id.name}`
  const classKey = classes.classOf(systems.omh, own)
  const kind = classes.kindOf(undefined, own) ?? classKey
  return [
    ...versionFindings(observation, document),
    ...asList(asRecord(observation.code)?.coding).flatMap((one, index): readonly Finding[] => {
      const { system, code } = asRecord(one) ?? {}
      if (typeof code !== 'string') return []
      const expression = `Observation.code.coding[${index}]`
      const sent = classes.kindOf(asText(system), code)
      if (sent !== undefined && sent !== kind) {
        const message = `the code ${system}|${code} is of ${sent}, the document is ${own}:${id.version}`
        return [finding('code-differs', message, expression)]
      }
      const unmet = system === systems.loinc && face.facts ? codings.unmet(classKey, code, face.facts) : undefined
      if (unmet === undefined) return []
      return [finding('code-condition', `${code} stands for ${unmet}, and the document says otherwise`, expression)]
    }),
  ]
}

/** `4.x` is any of 4. */
const isVersion = (version: string, asked: string): boolean =>
  version === asked || (asked.endsWith('.x') && version.startsWith(asked.slice(0, -1)))

/** The id of the document's schema is taken, also where the code names another version of it. */
const versionFindings = (observation: JsonRecord, { id, expression }: OmhDocument): readonly Finding[] =>
  codedSchemas(observation)
    .filter(({ name, version }) => name === id.name && version !== undefined && !isVersion(id.version, version))
    .map(({ namespace, name, version }) => {
      const coded = `${namespace}:${name}:${version}`
      const message = `Observation.code says ${coded}, the document is version ${id.version}`
      return finding('version-differs', message, expression)
    })

/** Most user ids are the app's own; only one that is a Patient can be compared. */
export const contradictingSubject = (observation: JsonRecord, { plain }: OmhDocument): readonly Issue[] => {
  const patient = patientIn(plain.header?.user_id)
  const subject = patientIn(asRecord(observation.subject)?.reference)
  if (patient === undefined || subject === undefined || patient === subject) return []
  const message = `the subject is Patient/${subject}, the document is of Patient/${patient}`
  return [{ code: 'value', message, expression: 'Observation.subject', details: detailsOf('subject-differs') }]
}

const patientIn = (reference: unknown): string | undefined =>
  /(?:^|\/)Patient\/([A-Za-z0-9.-]{1,64})$/.exec(asText(reference) ?? '')?.[1]

const contradictingComponents = (observation: JsonRecord, face: NativeFace): readonly Issue[] =>
  asList(observation.component).flatMap((sent, index) => {
    const keys = new Set(componentKeys(sent))
    const derived = face.components.find(one => componentKeys(one).some(key => keys.has(key)))
    if (derived === undefined) return []
    return compareNative(asRecord(sent) ?? {}, { elements: derived }, `Observation.component[${index}]`)
  })
