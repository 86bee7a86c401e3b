import { isDeepStrictEqual } from 'node:util'
import type { Consent, Provenance, Reference, Signature } from '@medplum/fhirtypes'
import { fullAccess } from '../../access/access.ts'
import { granteeOf } from '../../access/consent.ts'
import { withoutStudy } from '../../access/consent-study.ts'
import { consentDecision } from '../../access/vocabulary.ts'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { canonicalBase, systems } from '../../fhir/canonical.ts'
import { namedId } from '../../fhir/reference.ts'
import { lockPlace } from '../current.ts'
import type { Connection } from '../database.ts'
import type { Placed } from '../model/answered-subject.ts'
import { compartmentOf } from '../model/reference.ts'
import { sql } from '../sql.ts'
import type { Write, Written } from '../store.ts'
import { typeWritten } from '../type-written.ts'
import { followAnswer, holdAnsweredPlaces } from './answered-places.ts'
import { findSelf } from './self.ts'
import { insertOne, type Writing } from './write.ts'

/**
 * Changes a Consent. If that gives, changes, refuses or takes back anything, a Provenance says by whom; and the patient's places in the study say
 * what it says by now.
 */
export const withDecision = async (
  connection: Connection,
  writing: Writing,
  write: Write,
  change: () => Promise<Written>,
): Promise<Written> => {
  if (!isOfConsent(write)) return change()
  const before = write.kind === 'create' ? undefined : await lockState(connection, writing, write.id)
  const placed = before?.placed ?? (await findPlaced(connection, write))
  if (placed !== undefined) await holdAnsweredPlaces(connection, writing, placed)
  const written = await change()
  if (written.outcome === 'unchanged' || written.outcome === 'refused') return written
  const after = await findState(connection, writing, written.id)
  await recordDecision(connection, writing, write, { before, after })
  const answered = after?.placed ?? before?.placed
  if (answered !== undefined) await followAnswer(connection, writing, answered)
  return written
}

type Change = { readonly before: State | undefined; readonly after: State | undefined }

const recordDecision = async (
  connection: Connection,
  writing: Writing,
  write: Write,
  { before, after }: Change,
): Promise<void> => {
  const decision = decisionOf(before, after)
  const decided = after ?? before
  if (decision === undefined || decided === undefined) return
  const who = await findSelf(connection, writing.principal)
  const signedAs = 'signedAs' in write ? write.signedAs : undefined
  const resource = provenanceOf(decision, decided, { who, signedAs })
  await insertOne(connection, { ...writing, access: fullAccess, organizations: [] }, { resource })
}

const isOfConsent = (write: Write): boolean => typeWritten(write) === 'Consent'

/** A Consent as it is stored, if it has a shape that we read. */
type State = {
  readonly id: string
  readonly version: number
  readonly content: Consent
  readonly study: string | null
  readonly text: string | null
  /** Undefined if it is given to no study. */
  readonly placed: Placed | undefined
}

const lockState = async (connection: Connection, writing: Writing, id: string): Promise<State | undefined> => {
  await lockPlace(connection, writing, 'Consent', id)
  return findState(connection, writing, id)
}

const findState = async (connection: Connection, { typeId }: Writing, id: string): Promise<State | undefined> => {
  const found = await connection.maybeOne<Omit<State, 'placed'> & { readonly patientId: number }>(sql.fragment`
    SELECT consent.patient_id AS "patientId", consent.id, consent.version, consent.content, given.text_version AS text, study.id AS study
    FROM resource_identity AS identity
    JOIN consent ON consent.patient_id = identity.patient_id AND consent.pk = identity.pk
    JOIN consent_grantee AS given ON given.patient_id = consent.patient_id AND given.consent_id = consent.id
    LEFT JOIN study ON study.grantee = given.grantee
    WHERE identity.type_id = ${typeId('Consent')} AND identity.id = ${id}`)
  if (found === undefined) return undefined
  const { patientId, study } = found
  return { ...found, placed: study === null ? undefined : { patientId, study } }
}

/** Of a Consent that is not there yet. */
const findPlaced = async (connection: Connection, write: Write): Promise<Placed | undefined> => {
  if (!('resource' in write) || write.resource.resourceType !== 'Consent') return undefined
  const [grantee, patient] = [granteeOf(write.resource), namedId(write.resource.patient, 'Patient')]
  if (grantee?.kind !== 'study' || patient === undefined) return undefined
  const { patientId } = await connection.one<{ patientId: number }>(
    sql.fragment`SELECT ${compartmentOf(patient)} AS "patientId"`,
  )
  return { patientId, study: grantee.id }
}

/** Codes of `consentDecision`. */
type Decision = 'signed' | 'changed' | 'rejected' | 'withdrawn'

const decisionOf = (before: State | undefined, after: State | undefined): Decision | undefined => {
  const [was, is] = [before?.content.status, after?.content.status]
  if (is === 'active') return was !== 'active' ? 'signed' : areSameTerms(before, after) ? undefined : 'changed'
  if (was === 'active') return 'withdrawn'
  return is === 'rejected' && was !== 'rejected' ? 'rejected' : undefined
}

const areSameTerms = (before: State | undefined, after: State | undefined): boolean =>
  isDeepStrictEqual(termsOf(before), termsOf(after))

/** What it gives, with the moment of signing, from which it counts if no period says otherwise. */
const termsOf = (state: State | undefined): unknown => [
  withoutStudy(state?.content.provision ?? {}),
  state?.content.dateTime,
  state?.study,
  state?.text,
]

type Who = Provenance['agent'][number]['who']

/** https://hl7.org/fhir/R4/provenance.html. It names no study, since it may be read when a later version of the Consent is, and by others. */
const provenanceOf = (
  decision: Decision,
  { id, version, content, text }: State,
  { who, signedAs }: { readonly who: Who; readonly signedAs: string | undefined },
): Provenance => ({
  resourceType: 'Provenance',
  target: [{ reference: `Consent/${id}/_history/${version}` }],
  recorded: new Date().toISOString(),
  activity: { coding: [{ system: consentDecision, code: decision }] },
  agent: [{ type: { coding: [{ system: systems.provenanceParticipant, code: 'author' }] }, who }],
  ...entityOf(content, text),
  ...(signedAs === undefined ? {} : { signature: [signatureOf(who, signedAs)] }),
})

/** Means consent: https://hl7.org/fhir/R4/valueset-signature-type.html */
export const consentSignature = { system: 'urn:iso-astm:E1762-95:2013', code: '1.2.840.10065.1.12.1.7' } as const

const signatureOf = (who: Who, name: string): Signature => ({
  type: [{ ...consentSignature, display: 'Consent Signature' }],
  when: new Date().toISOString(),
  who: { ...who, display: name },
})

/** The text that was read. That of a study has a version; where no study keeps it, the Consent holds it itself. */
const entityOf = (content: Consent, version: string | null): Pick<Provenance, 'entity'> => {
  const { hash, data, title } = content.sourceAttachment ?? {}
  if (version === null && (data === undefined || granteeOf(content)?.kind === 'study')) return {}
  const value = data === undefined ? hash : digestOf('sha1', data)
  const display = version === null ? title : `Patient text, version ${version}`
  const what: Reference = {
    ...(value === undefined ? {} : { identifier: { system: textHash, value } }),
    ...(display === undefined ? {} : { display }),
  }
  return { entity: [{ role: 'source', what }] }
}

/** Values are Attachment.hash: SHA-1 in base64. */
const textHash = `${canonicalBase}/patient-text-hash`
