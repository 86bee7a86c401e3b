import { hash } from 'node:crypto'
import type { Observation } from '@medplum/fhirtypes'
import { systems } from '../fhir/canonical.ts'
import { FhirError, type Issue } from '../fhir/error.ts'
import type { Steps } from '../fhir/give-way.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import { mistakenStatuses } from '../fhir/measured/mistaken.ts'
import { isSame } from '../fhir/patch/same.ts'
import { type Codings, openCodings } from './codings.ts'
import { codeFindings, contradictions, withoutContradicting } from './contradiction.ts'
import { deviceOf, type HeaderDevice } from './device.ts'
import { type Attached, attachedTo, bodyPointer, findDocument, type OmhDocument } from './document.ts'
import { nestedTooDeep } from './document-text.ts'
import { type Finding, fewOf, judgedBy } from './finding.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'
import { type Judgement, judge } from './judge.ts'
import { mergeFace } from './merge.ts'
import { deriveFace, mapVersion } from './observation.ts'
import { type Outline, outlineOf } from './outline.ts'
import { implausible } from './plausibility.ts'
import type { Rule, ValidationPolicy } from './policy.ts'
import { openSchemas, type SchemaId, type Schemas } from './schema/schemas.ts'
import { startOf, timingOf } from './timing.ts'
import { unreadableUnits } from './unit-text.ts'
import { type UploadKey, uploadKeyOf } from './upload-key.ts'

/** What the rest of the server does with Open mHealth documents: it finds one in an Observation, has it judged by a policy, and takes it with the FHIR elements that are derived from it. */
export type Mhealth = {
  /** The Open mHealth document in an Observation, also in a stored one; undefined if there is none. */
  readonly documentOf: (observation: unknown) => Steps<OmhDocument | undefined>
  /** The same, for use without the Observation: undefined if that was entered in error or cancelled, which the document does not say. */
  readonly measuredDocumentOf: (observation: unknown) => Steps<OmhDocument | undefined>
  /** The class of a document's schema: `omh:heart-rate`. */
  readonly classOf: (id: SchemaId) => string
  /** Throws one FhirError for a document that is unreadable, whatever the policy. */
  readonly receive: (observation: unknown) => Steps<Received>
  /** What is known of an Observation that cannot be received, or that no policy takes; undefined if it has no document at all. */
  readonly outlineOf: (observation: unknown) => Steps<Outline | undefined>
  /** What a stored Observation becomes by today's derivation; undefined if nothing of it changes, or its document cannot be read any more. */
  readonly derivedAnew: (observation: unknown) => Steps<Observation | undefined>
  /** Whatever is attached where a document would be. */
  readonly attachedTo: (observation: unknown) => readonly Attached[]
  /** `omh:heart-rate:2.0` and so on: the schemas by which documents are validated. */
  readonly schemaIds: readonly string[]
  /** The version of the derivation: elements that were derived by an earlier one are to be derived again. */
  readonly mapVersion: number
}

type Received = {
  /** Whether there was nothing to judge, so that every policy takes it in the same way. */
  readonly isClean: boolean
  /** `omh:heart-rate:2.0`; absent if there is no document. */
  readonly schema?: string
  /**
   * The Observation, the same by each policy that takes it. With a document it gains the elements that are derived from that, and keeps its
   * own where they agree; without one it passes as it is. Throws all that the policy refuses as one FhirError, 422.
   */
  readonly under: (policy: ValidationPolicy) => Taken
}

export type Taken = {
  readonly resource: Observation
  readonly uploadKey: UploadKey | undefined
  /** The device that the document describes. */
  readonly device: HeaderDevice | undefined
  /** Codes of the repairs that the document needed to be valid by its schema. */
  readonly repairs: readonly string[]
  /** Warnings only. */
  readonly issues: readonly Issue[]
}

type Options = {
  readonly codeClasses: CodeClasses
  /** A folder with the official schema files, which then take precedence over our own table. */
  readonly schemaDir?: string
  /** In ms since 1970. */
  readonly now?: () => number
}

export const openMhealth = ({ codeClasses, schemaDir, now = Date.now }: Options): Mhealth => {
  const schemas = openSchemas(schemaDir === undefined ? {} : { schemaDir })
  const reading: Reading = { codeClasses, codings: openCodings(codeClasses), schemas, now }
  const { newestVersion } = schemas
  const documentOf = (observation: unknown) => findDocument(asRecord(observation) ?? {}, newestVersion)
  const faceOf = (document: OmhDocument) => findFace(reading, document)
  return {
    documentOf,
    measuredDocumentOf: function* (observation) {
      return isMistaken(observation) ? undefined : yield* documentOf(observation)
    },
    classOf: id => classOf(codeClasses, id),
    receive: function* (observation) {
      const document = yield* documentOf(observation)
      if (document === undefined) return unread(observation as Observation)
      return yield* receive(reading, asRecord(observation) ?? {}, document)
    },
    outlineOf: observation => outlineOf(asRecord(observation) ?? {}, { newestVersion, faceOf }),
    derivedAnew: observation => deriveAnew(reading, asRecord(observation) ?? {}, documentOf(observation)),
    attachedTo: observation => attachedTo(asRecord(observation) ?? {}),
    schemaIds: schemas.ids,
    mapVersion,
  }
}

/** What is needed to read documents. */
type Reading = {
  readonly codeClasses: CodeClasses
  readonly codings: Codings
  readonly schemas: Schemas
  readonly now: () => number
}

const classOf = (codeClasses: CodeClasses, { namespace, name }: SchemaId): string =>
  codeClasses.classOf(systems.omh, `${namespace}:${name}`)

const isMistaken = (observation: unknown): boolean =>
  mistakenStatuses.some(status => status === asRecord(observation)?.status)

const unread = (resource: Observation): Received => ({
  isClean: true,
  under: () => ({ resource, uploadKey: undefined, device: undefined, repairs: [], issues: [] }),
})

const receive = function* (reading: Reading, sent: JsonRecord, document: OmhDocument): Steps<Received> {
  if (document.isTooDeep) throw nestedTooDeep(document.expression)
  try {
    return yield* receiveDocument(reading, sent, document)
  } catch (error) {
    throw error instanceof RangeError ? nestedTooDeep(document.expression) : error
  }
}

const receiveDocument = function* (reading: Reading, sent: JsonRecord, document: OmhDocument): Steps<Received> {
  const { codeClasses: classes, codings } = reading
  const moment = reading.now()
  const { judgement, timing, classKey, face } = yield* readDocument(reading, document, moment)
  const findings = [
    ...judgement.findings,
    ...codeFindings(sent, face, document, { classes, codings }),
    ...timing.findings,
    ...unreadableUnits(face, document),
    ...(yield* valueFindings(document, judgement)),
  ]
  const taken = {
    resource: mergeFace(sent, face, attachmentOf(document)) as unknown as Observation,
    uploadKey: yield* uploadKeyOf(document, classKey, {
      device: asRecord(sent.device)?.reference,
      start: startOf(timing.effective),
      now: moment,
    }),
    device: deviceOf(document.plain.header),
    repairs: repairsIn(findings),
  }
  const { namespace, name, version } = document.id
  return {
    isClean: findings.length === 0,
    schema: `${namespace}:${name}:${version}`,
    under: policy => {
      const { errors, warnings } = judgedBy(policy, findings)
      refuse(errors)
      refuse(contradictionsIn(sent, face, document))
      return { ...taken, issues: warnings }
    },
  }
}

const readDocument = function* ({ codeClasses, codings, schemas }: Reading, document: OmhDocument, moment: number) {
  const judgement = yield* judge(document, schemas)
  const timing = yield* timingOf(document, judgement.validated, moment)
  const classKey = classOf(codeClasses, document.id)
  const face = yield* deriveFace(document, judgement, classKey, codings, timing)
  return { judgement, timing, classKey, face }
}

/** What was entered in error stays as it is. */
const deriveAnew = function* (
  reading: Reading,
  stored: JsonRecord,
  finding: Steps<OmhDocument | undefined>,
): Steps<Observation | undefined> {
  const document = isMistaken(stored) ? undefined : yield* finding
  const face = document === undefined || document.isTooDeep ? undefined : yield* findFace(reading, document)
  if (document === undefined || face === undefined) return undefined
  const derived = mergeFace(withoutContradicting(stored, face), face, attachmentOf(document))
  return isSame(stored, derived) ? undefined : (derived as unknown as Observation)
}

/** Undefined if the document is nested too deeply. */
const findFace = function* (reading: Reading, document: OmhDocument) {
  try {
    return (yield* readDocument(reading, document, reading.now())).face
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

const contradictionsIn: typeof contradictions = (sent, face, document) => {
  try {
    return contradictions(sent, face, document)
  } catch (error) {
    throw error instanceof RangeError ? nestedTooDeep(document.expression) : error
  }
}

/** The values of a document that was not validated are not read, so they are not judged either. */
const valueFindings = function* (
  { plain, expression }: OmhDocument,
  { validated, bodies }: Judgement,
): Steps<readonly Finding[]> {
  if (!validated) return []
  const found: Finding[] = []
  const told = new Map<Rule, number>()
  for (const [index, body] of bodies.entries()) {
    found.push(...fewOf(implausible(asRecord(body) ?? {}, bodyPointer(plain, index), expression), told))
    yield
  }
  return found
}

const refuse = ([first, ...others]: readonly Issue[]): void => {
  if (first !== undefined) throw FhirError.of([first, ...others], { status: 422 })
}

const repairsIn = (findings: readonly Finding[]): readonly string[] => [
  ...new Set(findings.flatMap(({ repairs = [] }) => repairs.map(({ code }) => code))),
]

/** With the bytes as they came. "The hash is calculated using SHA-1." https://hl7.org/fhir/R4/datatypes.html#Attachment */
const attachmentOf = ({ attachment, bytes, base64 }: OmhDocument): JsonRecord => ({
  contentType: 'application/json',
  ...attachment,
  data: base64,
  size: bytes.length,
  hash: hash('sha1', bytes, 'base64'),
})
