import { hash } from 'node:crypto'
import type { Observation } from '@medplum/fhirtypes'
import { systems } from '../fhir/canonical.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import { FhirError, type Issue } from '../fhir/error.ts'
import { openCodings } from './codings.ts'
import { findDocument, type OmhDocument } from './document.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'
import { type Judgement, judge, warning } from './judge.ts'
import { contradictions, mergeFace, versionWarnings } from './merge.ts'
import { deriveFace, mapVersion, type NativeFace } from './observation.ts'
import { openSchemas, type SchemaId } from './schema/schemas.ts'
import { type UploadKey, uploadKeyOf } from './upload-key.ts'

export type Mhealth = {
  /** The Open mHealth document in an Observation, also in a stored one; undefined where there is none. */
  readonly documentOf: (observation: unknown) => OmhDocument | undefined
  /** The class of a document's schema: `omh:heart-rate`. */
  readonly classOf: (id: SchemaId) => string
  /**
   * An Observation as R4 has it. With a document it gains its native elements and keeps its own where they agree;
   * without one it passes as it is. Throws all that is wrong as one FhirError, 422.
   */
  readonly receive: (observation: unknown) => Received
  /** `omh:heart-rate:2.0` and so on: documents of these schemas are validated. */
  readonly schemaIds: readonly string[]
  /** Of the derived elements; stored ones of another version are to be derived again. */
  readonly mapVersion: number
}

type Received = {
  readonly resource: Observation
  readonly uploadKey: UploadKey | undefined
  /** Warnings only. */
  readonly issues: readonly Issue[]
}

type Options = {
  readonly codeClasses: CodeClasses
  /** A folder of the official schema files, which then go before our own table. */
  readonly schemaDir?: string
}

export const openMhealth = ({ codeClasses, schemaDir }: Options): Mhealth => {
  const schemas = openSchemas(schemaDir === undefined ? {} : { schemaDir })
  const codings = openCodings(codeClasses)
  const documentOf = (observation: unknown) => findDocument(asRecord(observation) ?? {}, schemas.newestVersion)
  const classOf = ({ namespace, name }: SchemaId) => codeClasses.classOf(systems.omh, `${namespace}:${name}`)

  const receiveDocument = (sent: JsonRecord, document: OmhDocument): Received => {
    const judgement = judge(document, schemas)
    refuseErrors(judgement.issues)
    const face = deriveFace(document, judgement, classOf(document.id), codings)
    refuseErrors(contradictions(sent, face, document, codeClasses))
    return {
      resource: mergeFace(sent, face, attachmentOf(document)) as unknown as Observation,
      uploadKey: uploadKeyOf(document, classOf(document.id)),
      issues: [...judgement.issues, ...versionWarnings(sent, document), ...timeWarnings(document, judgement, face)],
    }
  }
  const receive = (observation: unknown): Received => {
    const document = documentOf(observation)
    if (document === undefined) return { resource: observation as Observation, uploadKey: undefined, issues: [] }
    return refusingDepth(document, () => receiveDocument(asRecord(observation) ?? {}, document))
  }
  return { documentOf, classOf, receive, schemaIds: schemas.ids, mapVersion }
}

/** JSON may nest deeper than any function can follow it. */
const refusingDepth = (document: OmhDocument, run: () => Received): Received => {
  try {
    return run()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    const { expression } = document
    throw new FhirError('value', 'the document is nested too deeply', { expression, cause })
  }
}

/** A validated document without a zone has been told of already. */
const timeWarnings = ({ expression }: OmhDocument, { validated }: Judgement, { effective }: NativeFace) => {
  if (effective === undefined) return [warning('the document does not say when it was measured', expression)]
  return validated ? [] : effective.notes.map(note => warning(note, expression))
}

const refuseErrors = (issues: readonly Issue[]): void => {
  const [first, ...others] = issues.filter(({ severity }) => severity === undefined || severity === 'error')
  if (first !== undefined) throw FhirError.of([first, ...others], { status: 422 })
}

/** The bytes as they came. "The hash is calculated using SHA-1." https://hl7.org/fhir/R4/datatypes.html#Attachment */
const attachmentOf = ({ attachment, bytes }: OmhDocument): JsonRecord => ({
  contentType: 'application/json',
  ...attachment,
  data: bytes.toString('base64'),
  size: bytes.length,
  hash: hash('sha1', bytes, 'base64'),
})
