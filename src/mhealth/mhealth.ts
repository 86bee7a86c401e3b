import { hash } from 'node:crypto'
import type { Observation } from '@medplum/fhirtypes'
import { systems } from '../fhir/canonical.ts'
import { FhirError, type Issue } from '../fhir/error.ts'
import type { Steps } from '../fhir/give-way.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import { mistakenStatuses } from '../fhir/measured/mistaken.ts'
import { openCodings } from './codings.ts'
import { codeFindings, contradictions } from './contradiction.ts'
import { deviceOf, type HeaderDevice } from './device.ts'
import { type Attached, attachedTo, bodyPointer, findDocument, type OmhDocument } from './document.ts'
import { type Finding, fewOf, judgedBy } from './finding.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'
import { type Judgement, judge } from './judge.ts'
import { mergeFace } from './merge.ts'
import { deriveFace, mapVersion } from './observation.ts'
import { type Outline, outlineOf } from './outline.ts'
import { implausible } from './plausibility.ts'
import type { Rule, ValidationPolicy } from './policy.ts'
import { openSchemas, type SchemaId } from './schema/schemas.ts'
import { startOf, timingOf } from './timing.ts'
import { unacceptable } from './unacceptable.ts'
import { unreadableUnits } from './unit-text.ts'
import { type UploadKey, uploadKeyOf } from './upload-key.ts'

/** What the rest of the server does with Open mHealth documents: finds one in an Observation, and takes it, judged by a policy, with the native elements that it says. */
export type Mhealth = {
  /** The Open mHealth document in an Observation, also in a stored one; undefined where there is none. */
  readonly documentOf: (observation: unknown) => Steps<OmhDocument | undefined>
  /** The same where nothing else is told of the Observation: none where it was entered in error or cancelled, which no document says. */
  readonly measuredDocumentOf: (observation: unknown) => Steps<OmhDocument | undefined>
  /** The class of a document's schema: `omh:heart-rate`. */
  readonly classOf: (id: SchemaId) => string
  /** Throws, as one FhirError, what makes a document unreadable, whatever the policy. A series may be long. */
  readonly receive: (observation: unknown) => Steps<Received>
  /** What is known of one that cannot be received, or that no policy takes; undefined where it has no document at all. */
  readonly outlineOf: (observation: unknown) => Steps<Outline | undefined>
  /** What stands in the place of its document, whatever it is. */
  readonly attachedTo: (observation: unknown) => readonly Attached[]
  /** `omh:heart-rate:2.0` and so on: documents of these schemas are validated. */
  readonly schemaIds: readonly string[]
  /** Of the derived elements; stored ones of another version are to be derived again. */
  readonly mapVersion: number
}

type Received = {
  /** Whether every policy makes the same of it: there was nothing to judge. */
  readonly isClean: boolean
  /** `omh:heart-rate:2.0`; absent where there is no document. */
  readonly schema?: string
  /**
   * An Observation as R4 has it, the same by each policy that takes it. With a document it gains its native elements and keeps its own
   * where they agree; without one it passes as it is. Throws all that the policy refuses as one FhirError, 422.
   */
  readonly under: (policy: ValidationPolicy) => Taken
}

export type Taken = {
  readonly resource: Observation
  readonly uploadKey: UploadKey | undefined
  /** The one that the document describes. */
  readonly device: HeaderDevice | undefined
  /** Codes of the repairs without which the document would not be as its schema has it. */
  readonly repairs: readonly string[]
  /** Warnings only. */
  readonly issues: readonly Issue[]
}

type Options = {
  readonly codeClasses: CodeClasses
  /** A folder of the official schema files, which then go before our own table. */
  readonly schemaDir?: string
  /** In ms since 1970. */
  readonly now?: () => number
}

export const openMhealth = ({ codeClasses, schemaDir, now = Date.now }: Options): Mhealth => {
  const schemas = openSchemas(schemaDir === undefined ? {} : { schemaDir })
  const codings = openCodings(codeClasses)
  const documentOf = (observation: unknown) => findDocument(asRecord(observation) ?? {}, schemas.newestVersion)
  const classOf = ({ namespace, name }: SchemaId) => codeClasses.classOf(systems.omh, `${namespace}:${name}`)

  const readDocument = function* (document: OmhDocument, moment: number) {
    const judgement = yield* judge(document, schemas)
    const timing = yield* timingOf(document, judgement.validated, moment)
    const classKey = classOf(document.id)
    const face = yield* deriveFace(document, judgement, classKey, codings, timing)
    return { judgement, timing, classKey, face }
  }
  const receiveDocument = function* (sent: JsonRecord, document: OmhDocument): Steps<Received> {
    const moment = now()
    const { judgement, timing, classKey, face } = yield* readDocument(document, moment)
    const findings = [
      ...judgement.findings,
      ...codeFindings(sent, face, document, { classes: codeClasses, codings }),
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
  const receive = function* (observation: unknown): Steps<Received> {
    const document = yield* documentOf(observation)
    if (document === undefined) return unread(observation as Observation)
    try {
      return yield* receiveDocument(asRecord(observation) ?? {}, document)
    } catch (error) {
      throw error instanceof RangeError ? tooDeep(document) : error
    }
  }
  const faceOf = function* (document: OmhDocument) {
    try {
      return (yield* readDocument(document, now())).face
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }
  return {
    documentOf,
    measuredDocumentOf: function* (observation) {
      return isMistaken(observation) ? undefined : yield* documentOf(observation)
    },
    classOf,
    receive,
    outlineOf: observation => outlineOf(asRecord(observation) ?? {}, { newestVersion: schemas.newestVersion, faceOf }),
    attachedTo: observation => attachedTo(asRecord(observation) ?? {}),
    schemaIds: schemas.ids,
    mapVersion,
  }
}

const isMistaken = (observation: unknown): boolean =>
  mistakenStatuses.some(status => status === asRecord(observation)?.status)

const unread = (resource: Observation): Received => ({
  isClean: true,
  under: () => ({ resource, uploadKey: undefined, device: undefined, repairs: [], issues: [] }),
})

/** JSON may nest deeper than any function can follow it. */
const tooDeep = ({ expression }: OmhDocument): FhirError =>
  unacceptable('nested-too-deep', 'the document is nested too deeply', expression)

const contradictionsIn: typeof contradictions = (sent, face, document) => {
  try {
    return contradictions(sent, face, document)
  } catch (error) {
    throw error instanceof RangeError ? tooDeep(document) : error
  }
}

/** Of a document that was not validated no value is read, so none is judged. */
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

/** The bytes as they came. "The hash is calculated using SHA-1." https://hl7.org/fhir/R4/datatypes.html#Attachment */
const attachmentOf = ({ attachment, bytes, base64 }: OmhDocument): JsonRecord => ({
  contentType: 'application/json',
  ...attachment,
  data: base64,
  size: bytes.length,
  hash: hash('sha1', bytes, 'base64'),
})
