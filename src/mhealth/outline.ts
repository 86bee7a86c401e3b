import type { Observation } from '@medplum/fhirtypes'
import type { Steps } from '../fhir/give-way.ts'
import { compareNative } from './agreement.ts'
import { contradictingSubject } from './contradiction.ts'
import { deviceOf, type HeaderDevice } from './device.ts'
import { type OmhDocument, readableDocuments } from './document.ts'
import { asList, asRecord, asText, defined, type JsonRecord } from './json-tree.ts'
import type { NativeFace } from './observation.ts'

/** What is known for certain of an Observation whose document no policy accepts: enough to ask the gate about it. */
export type Outline = {
  /** It has no code if it is uncertain what or whose it is, so that no consent covers it. */
  readonly asked: Observation
  readonly device?: HeaderDevice
  /** `omh:heart-rate:2.0`, or `unknown`. */
  readonly schema: string
}

type Reading = {
  readonly newestVersion: Parameters<typeof readableDocuments>[1]
  /** Undefined if the document is nested too deeply. */
  readonly faceOf: (document: OmhDocument) => Steps<NativeFace | undefined>
}

/** Undefined if there is no document, readable or not. The outline is correct whatever is wrong with the Observation. */
export const outlineOf = function* (sent: JsonRecord, { newestVersion, faceOf }: Reading): Steps<Outline | undefined> {
  const documents = sent.resourceType === 'Observation' ? yield* readableDocuments(sent, newestVersion) : undefined
  if (documents === undefined) return undefined
  const faces = yield* facesOf(documents, faceOf)
  const codes = codesIn(sent)
  const isDoubtful =
    faces.length < documents.length ||
    documents.some(document => contradictingSubject(sent, document).length > 0) ||
    codes === undefined ||
    // An Observation contained in it may be of any kind.
    asList(sent.contained).some(one => asRecord(one)?.resourceType === 'Observation') ||
    !isListOf(sent.derivedFrom, one => referenceIn(one) !== undefined)
  const [document] = documents
  const { id } = document ?? {}
  const device = document && deviceOf(document.plain.header)
  const coding = isDoubtful ? [] : [...codes.own, ...faces.flatMap(({ codings }) => codings)]
  return {
    asked: {
      resourceType: 'Observation',
      status: 'unknown',
      code: { coding },
      ...defined({ subject: referenceIn(sent.subject), device: referenceIn(sent.device) }),
      ...(isDoubtful ? {} : { ...partsOf(codes.ofParts, faces), ...derivedFrom(sent), ...timeIn(sent, faces) }),
    } as Observation,
    ...(device && { device }),
    schema: coding.length === 0 || id === undefined ? 'unknown' : `${id.namespace}:${id.name}:${id.version}`,
  }
}

const facesOf = function* (documents: readonly OmhDocument[], faceOf: Reading['faceOf']): Steps<readonly NativeFace[]> {
  const faces: NativeFace[] = []
  for (const document of documents) {
    const face = yield* faceOf(document)
    if (face !== undefined) faces.push(face)
  }
  return faces
}

const isListOf = (value: unknown, isOne: (one: unknown) => boolean): boolean =>
  value === undefined || (Array.isArray(value) && value.every(isOne))

/** Undefined if any code cannot be read, since it might be of another kind. */
const codesIn = (sent: JsonRecord) => {
  const own = codingsIn(sent.code)
  const ofParts = asList(sent.component ?? []).map(one => codingsIn(asRecord(one)?.code))
  const isRead = isListOf(sent.component, one => asRecord(one) !== undefined) && !ofParts.includes(undefined)
  return own === undefined || !isRead ? undefined : { own, ofParts: ofParts.map(codings => codings ?? []) }
}

const partsOf = (ofParts: readonly (readonly Coding[])[], faces: readonly NativeFace[]): JsonRecord => {
  const ofFaces = faces.flatMap(({ components }) => components.map(({ code }) => codingsIn(code) ?? []))
  return { component: [...ofParts, ...ofFaces].map(coding => ({ code: { coding } })) }
}

const derivedFrom = (sent: JsonRecord): JsonRecord => ({
  derivedFrom: asList(sent.derivedFrom).flatMap(one => referenceIn(one) ?? []),
})

/** The text, unless it is longer than any real one or cannot be stored. */
const wordIn = (value: unknown): string | undefined => {
  const text = asText(value)
  return text !== undefined && text.length <= 255 && text.isWellFormed() && !text.includes('\0') ? text : undefined
}

const referenceIn = (value: unknown) => {
  const reference = wordIn(asRecord(value)?.reference)
  return reference === undefined ? undefined : { reference }
}

type Coding = { readonly system?: string; readonly code: string }

/** Undefined if they cannot be read. */
const codingsIn = (concept: unknown): readonly Coding[] | undefined => {
  if (concept === undefined) return []
  const { coding } = asRecord(concept) ?? { coding: null }
  return isListOf(coding, isCoding) ? asList(coding).flatMap(codingIn) : undefined
}

const isCoding = (coding: unknown): boolean => {
  const { system, code } = asRecord(coding) ?? { code: null }
  return [system, code].every(word => word === undefined || wordIn(word) !== undefined)
}

const codingIn = (coding: unknown): readonly Coding[] => {
  const [system, code] = [wordIn(asRecord(coding)?.system), wordIn(asRecord(coding)?.code)]
  return code === undefined ? [] : [{ ...(system === undefined ? {} : { system }), code }]
}

/** The time that the Observation itself states, unless the document says otherwise; none if there are several. */
const timeIn = (sent: JsonRecord, faces: readonly NativeFace[]): JsonRecord => {
  const own = Object.entries(sent).filter(([name]) => /^effective[A-Z]/.test(name))
  const derived = faces.map(({ effective }): JsonRecord => effective?.element ?? {})
  const [first] = own
  if (first === undefined) return derived.length === 1 ? (derived[0] ?? {}) : {}
  const elements = Object.fromEntries(own)
  const isAgreed = derived.every(one => compareNative(elements, { elements: one }).length === 0)
  return own.length === 1 && isAgreed ? timeOf(...first) : {}
}

const timeOf = (name: string, value: unknown): JsonRecord => {
  if (name !== 'effectivePeriod') return wordIn(value) === undefined ? {} : { [name]: value }
  const { start, end } = asRecord(value) ?? {}
  return { effectivePeriod: defined({ start: wordIn(start), end: wordIn(end) }) }
}
