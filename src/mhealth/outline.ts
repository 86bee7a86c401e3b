import type { Observation } from '@medplum/fhirtypes'
import { compareNative } from './agreement.ts'
import { deviceOf, type HeaderDevice } from './device.ts'
import { type OmhDocument, readableDocuments } from './document.ts'
import { asList, asRecord, asText, type JsonRecord } from './json-tree.ts'
import { contradictingSubject } from './merge.ts'
import type { NativeFace } from './observation.ts'

/** What is known of an Observation whose document no policy takes: enough to ask the gate about it, and nothing that is in doubt. */
export type Outline = {
  /** Without any code where it cannot be told what it is, or whose: then no consent covers it. */
  readonly asked: Observation
  readonly device?: HeaderDevice
  /** `omh:heart-rate:2.0`, or `unknown`. */
  readonly schema: string
}

type Reading = {
  readonly newestVersion: Parameters<typeof readableDocuments>[1]
  /** Undefined of a document that is nested too deeply to be looked into. */
  readonly faceOf: (document: OmhDocument) => NativeFace | undefined
}

/** Undefined where there is no document, readable or not. Whatever is wrong with the Observation, an outline is right. */
export const outlineOf = (sent: JsonRecord, { newestVersion, faceOf }: Reading): Outline | undefined => {
  const documents = sent.resourceType === 'Observation' ? readableDocuments(sent, newestVersion) : undefined
  if (documents === undefined) return undefined
  const faces = documents.flatMap(document => faceOf(document) ?? [])
  const isDoubtful =
    faces.length < documents.length ||
    documents.some(document => contradictingSubject(sent, document).length > 0) ||
    !asList(sent.derivedFrom ?? []).every(one => referenceIn(one) !== undefined)
  const [document] = documents
  const { id } = document ?? {}
  const device = document && deviceOf(document.plain.header)
  const coding = isDoubtful ? [] : [...codingsIn(sent.code), ...faces.flatMap(({ codings }) => codings)]
  return {
    asked: {
      resourceType: 'Observation',
      status: 'unknown',
      code: { coding },
      ...defined({ subject: referenceIn(sent.subject), device: referenceIn(sent.device) }),
      ...(isDoubtful ? {} : { ...partsIn(sent, faces), ...timeIn(sent, faces) }),
    } as Observation,
    ...(device && { device }),
    schema: coding.length === 0 || id === undefined ? 'unknown' : `${id.namespace}:${id.name}:${id.version}`,
  }
}

const defined = (record: JsonRecord): JsonRecord =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))

const partsIn = (sent: JsonRecord, faces: readonly NativeFace[]): JsonRecord => ({
  component: [...asList(sent.component), ...faces.flatMap(({ components }) => components)].map(one => ({
    code: { coding: codingsIn(asRecord(one)?.code) },
  })),
  derivedFrom: asList(sent.derivedFrom).flatMap(one => referenceIn(one) ?? []),
})

/** No more than such a text has in earnest, and nothing that no table takes. */
const wordIn = (value: unknown): string | undefined => {
  const text = asText(value)
  return text !== undefined && text.length <= 255 && text.isWellFormed() && !text.includes('\0') ? text : undefined
}

const referenceIn = (value: unknown) => {
  const reference = wordIn(asRecord(value)?.reference)
  return reference === undefined ? undefined : { reference }
}

const codingsIn = (concept: unknown) =>
  asList(asRecord(concept)?.coding).flatMap(one => {
    const [system, code] = [wordIn(asRecord(one)?.system), wordIn(asRecord(one)?.code)]
    return code === undefined ? [] : [{ ...(system === undefined ? {} : { system }), code }]
  })

/** What the Observation says itself, where the document does not say otherwise; none where there are several. */
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
