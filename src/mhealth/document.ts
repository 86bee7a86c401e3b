import { isUtf8 } from 'node:buffer'
import { standardExtensions, systems } from '../fhir/canonical.ts'
import { FhirError } from '../fhir/error.ts'
import type { Steps } from '../fhir/give-way.ts'
import { isNumber, parseJson, toNumber } from '../fhir/json.ts'
import { parseDocument, textOf } from './document-text.ts'
import { asList, asRecord, asText, type JsonRecord } from './json-tree.ts'
import type { SchemaId } from './schema/schemas.ts'
import { unacceptable } from './unacceptable.ts'

/** An Open mHealth document as it was sent in an Observation. */
export type OmhDocument = {
  readonly id: SchemaId
  /** Where it is in the Observation, as a FHIRPath. */
  readonly expression: string
  readonly attachment: JsonRecord
  readonly bytes: Buffer
  /** The bytes in base64, without line breaks. */
  readonly base64: string
  /** Numbers as JavaScript has them: for validation and the digest. */
  readonly plain: DocumentTree
  /** Numbers keep their text: for what is derived. */
  readonly exact: DocumentTree
  /** It was read only to tell of which schema it is, and is refused. */
  readonly isTooDeep: boolean
}

type DocumentTree = {
  readonly whole: unknown
  readonly header: JsonRecord | undefined
  /** A data series has several. */
  readonly bodies: readonly unknown[]
  readonly form: 'point' | 'series' | 'bare'
}

/** The place of one of the bodies in its document, as a JSON pointer. */
export const bodyPointer = ({ form }: DocumentTree, index: number): string =>
  form === 'series' ? `/body/${index}` : form === 'bare' ? '' : '/body'

/**
 * The document in R5's `valueAttachment`, or in the R4 extension for it; undefined if there is none. Throws FhirError if `valueAttachment`,
 * which R4 does not have, is anything but such a document.
 */
export const findDocument = function* (
  observation: JsonRecord,
  newestVersion: NewestVersion,
): Steps<OmhDocument | undefined> {
  const documents: OmhDocument[] = []
  for (const place of attachmentsOf(observation)) {
    const document = yield* readDocument(place, observation, newestVersion)
    if (document !== undefined) documents.push(document)
  }
  const [first, ...others] = documents
  const different = others.find(({ bytes }) => first !== undefined && !bytes.equals(first.bytes))
  if (first === undefined || different === undefined) return first
  const message = `${first.expression} and ${different.expression} hold different documents`
  throw unacceptable('documents-differ', message, different.expression)
}

/** Each document that can be read, whatever the others are like; undefined if there are no documents, readable or not. */
export const readableDocuments = function* (
  observation: JsonRecord,
  newestVersion: NewestVersion,
): Steps<readonly OmhDocument[] | undefined> {
  const readable: OmhDocument[] = []
  let found = 0
  for (const place of attachmentsOf(observation)) {
    try {
      const document = yield* readDocument(place, observation, newestVersion)
      if (document === undefined) continue
      readable.push(document)
      found += 1
    } catch (error) {
      if (!(error instanceof FhirError)) throw error
      if (isDocument(place.attachment)) found += 1
    }
  }
  return found === 0 ? undefined : readable
}

/** What is in the place of a document, as far as it can be read. */
export type Attached =
  | { readonly kind: 'json'; readonly tree: unknown; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'binary'; readonly size: number }

/** What is attached to an Observation, whether it is a document or not. If it is no base64, it is text. */
export const attachedTo = (observation: JsonRecord): readonly Attached[] =>
  attachmentsOf(observation).flatMap(({ attachment }) => (isDocument(attachment) ? attachedIn(attachment.data) : []))

const attachedIn = (data: string): Attached => {
  const { bytes } = decoded(data) ?? {}
  if (bytes === undefined) return { kind: 'text', text: data }
  if (!isUtf8(bytes)) return { kind: 'binary', size: bytes.length }
  const text = textOf(bytes)
  try {
    return { kind: 'json', tree: parseJson(text), text }
  } catch {
    return { kind: 'text', text }
  }
}

type Document = JsonRecord & { readonly data: string }

const isDocument = (attachment: JsonRecord): attachment is Document =>
  isJson(attachment.contentType) && typeof attachment.data === 'string'

type NewestVersion = (namespace: string, name: string) => string | undefined
type Place = { readonly expression: string; readonly attachment: JsonRecord; readonly native: boolean }

const attachmentsOf = (observation: JsonRecord): readonly Place[] => {
  const r5 = asRecord(observation.valueAttachment)
  const extended = asList(observation.extension).flatMap((one, index): readonly Place[] => {
    const extension = asRecord(one)
    const attachment = asRecord(extension?.valueAttachment)
    if (attachment === undefined || extension?.url !== standardExtensions.observationValue) return []
    return [{ expression: `Observation.extension[${index}].value`, attachment, native: true }]
  })
  return r5 === undefined
    ? extended
    : [{ expression: 'Observation.valueAttachment', attachment: r5, native: false }, ...extended]
}

const readDocument = function* (
  place: Place,
  observation: JsonRecord,
  newest: NewestVersion,
): Steps<OmhDocument | undefined> {
  const { attachment, expression, native } = place
  const refuse = (message: string): undefined => {
    if (native) return undefined
    throw new FhirError('value', message, { expression })
  }
  if (!isJson(attachment.contentType)) return refuse('R4 has no valueAttachment; only Open mHealth JSON is taken in it')
  if (typeof attachment.data !== 'string') return refuse('the attachment has no data')
  const { bytes, base64 } = decodeBase64(attachment.data, `${expression}.data`)
  yield
  const { plain, exact, isTooDeep } = yield* parseDocument(bytes, `${expression}.data`)
  const id = schemaIdOf(plain) ?? codedSchemaId(observation, newest)
  if (id === undefined) {
    if (native) return undefined
    const message = 'neither header.schema_id nor Observation.code names an Open mHealth schema'
    throw unacceptable('schema-untold', message, expression)
  }
  return { id, expression, attachment, bytes, base64, plain: toTree(plain), exact: toTree(exact), isTooDeep }
}

const isJson = (contentType: unknown): boolean =>
  contentType === undefined ||
  (typeof contentType === 'string' && /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i.test(contentType))

type Decoded = Pick<OmhDocument, 'bytes' | 'base64'>

const decodeBase64 = (data: string, expression: string): Decoded => {
  const found = decoded(data)
  if (found !== undefined) return found
  const words =
    'the attachment is not base64; accepted: letters, digits, + and /, with = at the end, in one line or several'
  throw unacceptable('base64-broken', words, expression)
}

/** R4 allows white space in base64Binary. https://hl7.org/fhir/R4/datatypes.html#base64Binary */
const decoded = (data: string): Decoded | undefined => {
  const bytes = Buffer.from(data, 'base64')
  const base64 = bytes.toString('base64')
  return base64 === data || base64 === data.replace(/\s+/g, '') ? { bytes, base64 } : undefined
}

const toTree = (whole: unknown): DocumentTree => {
  const { header, body } = asRecord(whole) ?? {}
  if (body === undefined && header === undefined) return { whole, header: undefined, bodies: [whole], form: 'bare' }
  return Array.isArray(body)
    ? { whole, header: asRecord(header), bodies: body, form: 'series' }
    : { whole, header: asRecord(header), bodies: [body], form: 'point' }
}

const schemaIdOf = (whole: unknown): SchemaId | undefined => {
  const id = asRecord(asRecord(asRecord(whole)?.header)?.schema_id)
  const { namespace, name } = id ?? {}
  const version = versionText(id?.version)
  if (typeof namespace !== 'string' || typeof name !== 'string' || version === undefined) return undefined
  return { namespace, name, version }
}

/** The version as text, since some documents have a number. */
export const versionText = (version: unknown): string | undefined => {
  if (typeof version === 'string') return version
  if (!isNumber(version)) return undefined
  const number = toNumber(version)
  return Number.isInteger(number) ? `${number}.0` : String(number)
}

/** The schema that a coding of Observation.code names, for a document that does not say. */
const codedSchemaId = (observation: JsonRecord, newest: NewestVersion): SchemaId | undefined => {
  for (const { namespace, name, version } of codedSchemas(observation)) {
    const known = version ?? newest(namespace, name)
    if (known !== undefined) return { namespace, name, version: known }
  }
  return undefined
}

export type CodedSchema = { readonly namespace: string; readonly name: string; readonly version: string | undefined }

export const codedSchemas = (observation: JsonRecord): readonly CodedSchema[] =>
  asList(asRecord(observation.code)?.coding).flatMap(one => {
    const { system, code } = asRecord(one) ?? {}
    return system === systems.omh || system === systems.ieee ? parseSchemaCode(asText(code) ?? '') : []
  })

const parseSchemaCode = (code: string): readonly CodedSchema[] => {
  const [, namespace, name, version] = /^([\w-]+):([\w-]+)(?::([\w.]+))?$/.exec(code) ?? []
  return namespace === undefined || name === undefined ? [] : [{ namespace, name, version }]
}
