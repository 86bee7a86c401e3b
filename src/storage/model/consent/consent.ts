import type { Consent } from '@medplum/fhirtypes'
import { type ConsentGrantee, type ConsentTerms, devicesNamed, readConsent } from '../../../access/consent.ts'
import { isCoveredBy, mostPermits } from '../../../access/consent-permit.ts'
import { elementOfStudy, refuseTwoStudies } from '../../../access/consent-study.ts'
import { FhirError } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { granteeNumber } from '../grantee.ts'
import { each, type Projected, type Projection, type ProjectionContext } from '../projection.ts'
import { findSourceDevices } from '../source-device.ts'
import { refuseNewcomer } from './accrual.ts'
import { insertCareConsent, removeCareConsent } from './care-consent.ts'
import { refuseUnasked } from './consent-asked.ts'
import { findGiven } from './consent-given.ts'
import { type Before, isStanding, openBy, signedBy } from './consent-open.ts'
import { insertPermits, isFor, numbered } from './consent-rows.ts'
import { findSignedText, refuseSource, type SignedText } from './consent-source.ts'
import { findStatusBefore, refuseTransition } from './consent-status.ts'
import { type HeldStudy, holdStudy } from './held-study.ts'
import { refuseSignedBeforeRefusal } from './last-refusal.ts'
import { refuseTakenBack } from './taken-back.ts'
import { takeTurn } from './turn.ts'
import { refuseAskingUnfinished } from './unfinished-asked.ts'
import { wasUnread } from './unread-consents.ts'

/** Turns what patients permit into the rows that are asked whenever somebody reads. */
export const projectConsents: Projection<Consent> = async (connection, changes, context) => {
  if (context.isAccepted !== true) return projectEach(connection, changes, context)
  // In empty tables none meets another, so what one asks need not wait for the answers to others.
  const projected = changes.map(one => projectOne(connection, one, context))
  // Nothing is asked any more once this is over. The first that fails says why; the others fail because of it.
  await Promise.all(projected).finally(() => Promise.allSettled(projected))
}

const projectOne: One = async (connection, change, context) => {
  const { patientId, resource } = change
  await takeTurn(connection, patientId, context)
  const terms = resource && (await termsToKeep(connection, { ...change, resource }, context))
  // Locked before any row of the Consent is touched, since the study may be about to change.
  const study =
    terms && patientId !== 0 ? await holdStudy(connection, terms.grantee, elementOfStudy(resource)) : undefined
  const givenTo = await removeRows(connection, change, context)
  if (resource === undefined || patientId === 0) return
  const grantee = terms && (await granteeNumber(connection, terms.grantee))
  if (givenTo !== undefined && givenTo !== grantee) throw otherGrantee()
  if (terms === undefined || grantee === undefined) return
  if (givenTo === undefined && resource.status === 'rejected' && context.isAccepted !== true)
    await refuseBesideStanding(connection, patientId, grantee)
  await projectTerms(connection, { change, consent: resource, terms, grantee, study }, context)
}

type One = Parameters<typeof each<Consent>>[0]

const projectEach = each<Consent>(projectOne)

/** Undefined as well for what is in the tables already and gave nothing when it was written. Throws if it names two studies. */
const termsToKeep = async (
  connection: Connection,
  { id, versionId, resource }: Projected<Consent> & { readonly resource: Consent },
  context: ProjectionContext,
): Promise<ConsentTerms | undefined> => {
  const isKept = context.isAccepted === true
  if (!isKept) refuseTwoStudies(resource)
  const terms = await termsOf(connection, resource, context)
  // One that is given to somebody else counted all along, whatever study it mentions.
  const gaveNothing = isKept && terms?.grantee.kind === 'study' && (await wasUnread(connection, id, versionId))
  return gaveNothing ? undefined : terms
}

/** Somebody who says no while a yes stands that they do not see must not be left thinking that they share nothing. */
const refuseBesideStanding = async (connection: Connection, patientId: number, grantee: number): Promise<void> => {
  const standing = await connection.maybeOne(sql.fragment`
    SELECT FROM consent_grantee WHERE patient_id = ${patientId} AND grantee = ${grantee} AND standing LIMIT 1`)
  if (standing !== undefined) throw already()
}

/** Answers the number of the grantee to whom it was given. */
const removeRows = async (
  connection: Connection,
  { patientId, id }: Projected<Consent>,
  { isAccepted }: ProjectionContext,
): Promise<number | undefined> => {
  if (isAccepted === true) return undefined
  await removeCareConsent(connection, patientId, id)
  await connection.run(sql.fragment`
    DELETE FROM study_group_observation_consents WHERE patient_id = ${patientId} AND consent_id = ${id}`)
  const removed = await connection.maybeOne<{ grantee: number }>(sql.fragment`
    DELETE FROM consent_grantee WHERE patient_id = ${patientId} AND consent_id = ${id} RETURNING grantee`)
  return removed?.grantee
}

type Given = {
  readonly change: Projected<Consent>
  readonly consent: Consent
  readonly terms: ConsentTerms
  readonly grantee: number
  readonly study: HeldStudy | undefined
}

const projectTerms = async (
  connection: Connection,
  { change, consent, terms, grantee, study }: Given,
  context: ProjectionContext,
): Promise<void> => {
  const { patientId, id, pk } = change
  const before = await findBefore(connection, change, { grantee: terms.grantee, study }, context)
  const text = study && (await findSignedText(connection, study.id, consent))
  if (context.isAccepted !== true)
    await refuseGiving(connection, { change, consent, terms, study, text, before }, context)
  const signed = signedBy(consent, text, before)
  const made = await connection.run(sql.fragment`
    INSERT INTO consent_grantee (patient_id, consent_id, grantee, standing, pk, text_version, withdrawal, status, signed, paper, answered)
    SELECT ${patientId}, ${id}, ${grantee}, ${isStanding(consent)}, row.pk, ${signed?.version ?? null}, ${signed?.withdrawal ?? 'hide'},
      row.content ->> 'status', row.content ->> 'dateTime', is_on_paper(row.content), row.last_updated
    FROM consent AS row WHERE row.patient_id = ${patientId} AND row.pk = ${pk}
    ON CONFLICT DO NOTHING`)
  if (made === 0) throw already()
  await insertPermits(connection, change, { grantee, study, signed, open: openBy(consent, terms, before) }, context)
  if (study === undefined) await insertCareConsent(connection, change, { consent, grantee })
}

type Giving = Omit<Given, 'grantee'> & { readonly text: SignedText | undefined; readonly before: Before | undefined }

/** Refuses what the Consent may not give. What stands may stay as it is, but what has ended never comes back. */
const refuseGiving = async (
  connection: Connection,
  { change, consent, terms, study, text, before }: Giving,
  context: ProjectionContext,
): Promise<void> => {
  const status = await findStatusBefore(connection, change)
  refuseTransition(status, consent)
  if (!isStanding(consent)) return
  if (terms.isTooMuch) throw tooMuch()
  const standing = status === 'active' ? before : undefined
  // What the study no longer asks for may be kept or narrowed; otherwise nobody could take back a part of what they gave.
  const anew = terms.permits.filter(one => !standing?.permits.some(other => isCoveredBy(one, other)))
  const begins = consent.status === 'active' && status !== 'active'
  if (begins || (status === 'active' && anew.length > 0))
    await refuseSignedBeforeRefusal(connection, change.patientId, { consent, grantee: terms.grantee })
  if (begins && study !== undefined) await refuseNewcomer(connection, study.id, consent)
  if (study !== undefined) {
    await refuseUnasked(connection, study.id, await numbered(anew, context))
    await refuseSource(connection, { study: study.id, consent, text, permits: terms.permits, before: standing })
    const held = { status, text: standing?.text }
    await refuseAskingUnfinished(connection, { study: study.id, consent, text, before: held })
  }
  if (standing !== undefined) {
    const read = openTerms(connection, context)
    const permitsOf = async (one: Consent) => (await read(one))?.permits ?? []
    await refuseTakenBack(connection, change, { consent, anew, permitsOf })
  }
}

const already = (): FhirError =>
  new FhirError('duplicate', 'The patient has a Consent to the same study or recipient already; change that one')

/** Such a Consent can still be ended. */
const tooMuch = (): FhirError =>
  new FhirError(
    'too-costly',
    `A Consent gives at most ${mostPermits} permits, one for each kind from each source and period, and its denies are held against all of them: say the same in fewer provisions`,
    { status: 422, expression: 'Consent.provision' },
  )

/** A decision for one study or recipient says nothing about another. */
const otherGrantee = (): FhirError =>
  new FhirError(
    'business-rule',
    'A Consent stays with the study or recipient that it was made for, and in a shape that names it: end this one by its status, and make another',
    { expression: 'Consent' },
  )

/** Writes the rows of what the patient gives the grantee anew, because the enrolment that bounds them has changed. */
export const renewPermits = async (
  connection: Connection,
  patientId: number,
  of: ConsentGrantee,
  context: ProjectionContext,
): Promise<void> => {
  const grantee = await granteeNumber(connection, of)
  const consents = await connection.any<{ pk: string; id: string; version: number; content: Consent }>(sql.fragment`
    SELECT consent.pk, consent.id, consent.version, consent.content
    FROM consent_grantee AS given
    JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
    WHERE given.patient_id = ${patientId} AND given.grantee = ${grantee}
      AND (given.standing OR given.withdrawal = 'keep')`)
  const [first] = consents
  if (first === undefined) return
  const study = await holdStudy(connection, of, elementOfStudy(first.content))
  for (const { pk, id, version, content } of consents) {
    const change = { patientId, pk, id, versionId: String(version) }
    const terms = await termsOf(connection, content, context)
    const before = await findBefore(connection, change, { grantee: of, study }, context)
    const signed = signedBy(content, study && (await findSignedText(connection, study.id, content)), before)
    await connection.run(sql.fragment`
      DELETE FROM study_group_observation_consents WHERE patient_id = ${patientId} AND consent_id = ${id}`)
    if (terms === undefined) continue
    await insertPermits(connection, change, { grantee, study, signed, open: openBy(content, terms, before) }, context)
  }
}

const findBefore = async (
  connection: Connection,
  change: Pick<Projected<Consent>, 'patientId' | 'pk'>,
  { grantee, study }: { readonly grantee: ConsentGrantee; readonly study: HeldStudy | undefined },
  context: ProjectionContext,
): Promise<Before | undefined> => {
  const given = await findGiven(connection, change)
  const terms = given && (await termsOf(connection, given.consent, context))
  if (terms?.grantee.kind !== grantee.kind || terms.grantee.id !== grantee.id || given === undefined) return undefined
  const text = study && (await findSignedText(connection, study.id, given.consent))
  const permits = terms.permits.filter(one => isFor(one, study))
  return { text, permits, until: given.until, isEndedByJoining: given.isEndedByJoining }
}

const termsOf = (
  connection: Connection,
  consent: Consent,
  context: Pick<ProjectionContext, 'classes'>,
): Promise<ConsentTerms | undefined> => openTerms(connection, context)(consent)

/** Reads the terms of many Consents, or versions of one, asking about each Device that they name only once. */
export const openTerms = (
  connection: Connection,
  { classes }: Pick<ProjectionContext, 'classes'>,
): ((consent: Consent) => Promise<ConsentTerms | undefined>) => {
  const isSource = new Map<string, boolean>()
  return async consent => {
    const unknown = devicesNamed(consent).filter(id => !isSource.has(id))
    const sources = await findSourceDevices(connection, unknown)
    for (const id of unknown) isSource.set(id, sources.has(id))
    return readConsent(consent, { classes, isSource: id => isSource.get(id) === true })
  }
}
