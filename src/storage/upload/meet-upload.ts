import type { Observation, Resource } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import { isEnteredInError } from '../../fhir/measured/mistaken.ts'
import type { Current } from '../current.ts'
import type { Connection } from '../database.ts'
import type { Candidate } from '../prepare/candidate.ts'
import type { Stored, Written } from '../store.ts'
import { toStored, type Writing, writeRefusal } from '../write/write.ts'
import type { Contents } from './upload-contents.ts'
import type { Entry, Keyed } from './upload-keys.ts'
import type { UploadRights } from './upload-rights.ts'
import { type Now, openStanding, type Standing } from './upload-standing.ts'

/** A document that is stored already, under one of its keys. */
export type Met = {
  readonly entry: Entry
  readonly keyed: Keyed
  /** The same was measured, though the header is that of another document: it was sent once more, and is nothing new. */
  readonly isEcho: boolean
  readonly contents: Contents
  /** Undefined if it was deleted. */
  readonly current: Current | undefined
  /** Its number among the sets that are written together: a set meets what was stored before any of it. */
  readonly set: number
}

/** The same when its turn comes: those before it may have changed what is stored. */
type Meeting = Omit<Met, 'keyed' | 'set'>

/**
 * What becomes of documents that meet one stored Observation, each as if those before it had been written. The result is the same in whatever order
 * the contents arrive: the one that its source changed last is kept, and of equally old ones the last that came; what was sent before never comes
 * back; what was changed after it was final is `amended`; and what was entered in error stays so.
 */
export const meetUploads = async (
  connection: Connection,
  writing: Writing,
  mets: readonly Met[],
  rightsOf: (met: Met) => UploadRights,
): Promise<readonly Written[]> => {
  const [first] = mets
  if (first === undefined) return []
  const standing = openStanding(connection, writing, first)
  const all: Written[] = []
  for (const ofSet of Map.groupBy(mets, ({ set }) => set).values()) {
    const before = standing.now()
    for (const met of ofSet) all.push(await meetUpload(writing, standing, { met, before, rights: rightsOf(met) }))
  }
  const error = await standing.write()
  return error === undefined ? all : all.map(() => ({ outcome: 'refused', error }))
}

type Turn = { readonly met: Met; readonly before: Now; readonly rights: UploadRights }

const meetUpload = async (
  writing: Writing,
  standing: Standing,
  { met: { entry, isEcho }, before, rights: first }: Turn,
): Promise<Written> => {
  const { candidate } = entry
  const rights = rightsTo(before, first)
  const told = (written: Written) => toldTo(writing, candidate, rights, written)
  if (!rights.isKnown) return { outcome: 'refused', error: writeRefusal(candidate, writing) }
  const meeting = { entry, isEcho, ...before }
  if (isSettled(meeting)) {
    if (isEcho) standing.remember(entry.digest)
    return told(meeting.current === undefined ? goneSince : { outcome: 'unchanged', ...meeting.current })
  }
  if (!rights.isChangeable) return { outcome: 'refused', error: writeRefusal(candidate, writing) }
  const locked = { entry, isEcho, ...(await standing.locked()) }
  if (locked.current === undefined) return told(goneSince)
  // Whoever uploaded it can always take it back, even if they may not store anything new any more.
  const action = isEnteredInError(candidate.resource) && !rights.isCreatable ? 'u' : 'c'
  const written = await changeStored(standing, locked, locked.current, action)
  if (isEcho && written.outcome !== 'refused') standing.remember(entry.digest)
  return told(written)
}

/**
 * Somebody may have added to what is stored, so whoever may not read it is answered what they sent themselves. An app that is still unproven is
 * not even told that it was there.
 */
const toldTo = (
  { authorSince }: Writing,
  candidate: Candidate,
  { isReadable }: UploadRights,
  written: Written,
): Written => {
  if (isReadable) return written
  if (authorSince !== undefined && written.outcome !== 'updated') return answeredAsCreated(candidate)
  return 'content' in written ? { ...written, ...asSent(candidate, written) } : written
}

/** The rights to what is stored now, if that is not what was stored at first. */
const rightsTo = ({ rights }: Now, first: UploadRights): UploadRights =>
  rights === undefined ? first : { ...first, ...rights, isKnown: rights.isReadable || first.isCreatable }

const changeStored = async (
  standing: Standing,
  met: Meeting,
  current: Current,
  action: 'c' | 'u',
): Promise<Written> => {
  const next = nextOf(met, current)
  if (next === undefined) return { outcome: 'unchanged', ...current }
  const written = await standing.replace(ofItsSubject(next, current), action)
  if (written.outcome !== 'refused' && isNews(met)) standing.record(met.entry)
  return written
}

const isOld = ({ contents, entry, isEcho }: Meeting): boolean => isEcho || contents.known.has(entry.digest)

/** Whether it may change anything. What was sent before changes nothing, except that it can be taken back. */
export const mayChange = (met: Meeting): boolean =>
  met.current !== undefined && (!isOld(met) || isEnteredInError(met.entry.candidate.resource))

/** Whether it changes nothing, whoever sends it. */
const isSettled = (met: Meeting): boolean =>
  met.current === undefined || (isOld(met) && nextOf(met, met.current) === undefined)

const isNews = (met: Meeting): boolean =>
  !isOld(met) && (met.entry.revised ?? -Infinity) >= (met.contents.current.revised ?? -Infinity)

/** What is to be stored next; undefined if nothing changes. */
const nextOf = (met: Meeting, current: Current): Resource | undefined => {
  const sent = met.entry.candidate.resource as Observation
  if (isOld(met) && !isEnteredInError(sent)) return undefined
  const stored = parseJson(current.content) as Observation
  if (isNews(met)) return { ...sent, status: statusOf(sent, stored) }
  const status = isEnteredInError(sent) ? sent.status : statusOf(stored, sent)
  return status === stored.status ? undefined : { ...stored, status }
}

/** The status of the newer of two contents. https://hl7.org/fhir/R4/valueset-observation-status.html */
const statusOf = (newer: Observation, older: Observation): Observation['status'] => {
  if (isEnteredInError(newer) || isEnteredInError(older)) return 'entered-in-error'
  return newer.status === 'final' && wasFinal.has(older.status) ? 'amended' : newer.status
}

const wasFinal: ReadonlySet<unknown> = new Set<Observation['status']>(['final', 'amended', 'corrected'])

/** If it is uploaded for another record of the same human, it stays with the record for which it was uploaded first. */
const ofItsSubject = (next: Resource, current: Current): Resource => {
  const { subject } = parseJson(current.content) as Observation
  return { ...next, ...(subject === undefined ? {} : { subject }) } as Resource
}

const asSent = <One extends Stored>({ resource }: Candidate, current: One): One => {
  const { id, versionId, lastUpdated } = current
  const meta = { ...resource.meta, versionId, lastUpdated: lastUpdated.toISOString() }
  return { ...current, content: JSON.stringify({ ...resource, id, meta }) }
}

/** Nothing is stored, and it is answered as if it were new, under an id that nothing has. */
export const answeredAsCreated = (candidate: Candidate): Written => ({
  outcome: 'unchanged',
  isAnsweredAsCreated: true,
  ...toStored(candidate),
})

const goneSince: Written = {
  outcome: 'refused',
  error: new FhirError('deleted', 'This document was uploaded before, and then deleted'),
}
