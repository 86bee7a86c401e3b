import type { Observation, Resource } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { parseJson } from '../fhir/json.ts'
import type { Candidate } from './candidate.ts'
import { replace } from './change.ts'
import { type Current, lockPlace } from './current.ts'
import { currentObservations } from './current-observations.ts'
import type { Connection } from './database.ts'
import { isolated } from './savepoint.ts'
import type { Stored, Written } from './store.ts'
import { type Contents, contentsOf, recordContent } from './upload-contents.ts'
import type { Entry, Keyed } from './upload-keys.ts'
import type { UploadRights } from './upload-rights.ts'
import { refusal, toStored, type Writing } from './write.ts'

/** A document that is stored already, under one of its keys. */
export type Met = {
  readonly entry: Entry
  readonly keyed: Keyed
  /** Its header is of another document, and what was measured is the same: sent once more, and nothing new. */
  readonly isEcho: boolean
  readonly contents: Contents
  /** Absent once it is deleted. */
  readonly current: Current | undefined
}

/**
 * What becomes of a document that is stored, so that it comes to the same in whatever order its contents arrive: the
 * one that its source changed last stands, of equally old ones the last that came; what was sent before never comes back;
 * what was changed since it was final is amended; and what was entered in error stays so.
 */
export const meetUpload = async (
  connection: Connection,
  writing: Writing,
  met: Met,
  rights: UploadRights,
): Promise<Written> => {
  const { candidate } = met.entry
  const told = (written: Written) => toldTo(writing, candidate, rights, written)
  if (!rights.isKnown) return { outcome: 'refused', error: refusal(candidate, writing) }
  if (met.current === undefined) return told(goneSince)
  if (isSettled(met)) return told({ outcome: 'unchanged', ...met.current })
  if (!rights.isChangeable) return { outcome: 'refused', error: refusal(candidate, writing) }
  const locked = await lockMet(connection, writing, met, met.current)
  if (locked.current === undefined) return told(goneSince)
  // What is one's own can be taken back for ever, also where nothing new may be stored any more.
  const action = isMistake(candidate.resource as Observation) && !rights.isCreatable ? 'u' : 'c'
  return told(await changeStored(connection, writing, locked, locked.current, action))
}

/**
 * Who may not read what is stored, which somebody may have added to, is answered their own words. An app that may be somebody else's than the author's is not told either that it
 * was there.
 */
const toldTo = (
  { authorSince }: Writing,
  candidate: Candidate,
  { isReadable }: UploadRights,
  written: Written,
): Written => {
  if (isReadable) return written
  if (authorSince !== undefined && written.outcome !== 'updated') return untold(candidate)
  return 'content' in written ? { ...written, ...asSent(candidate, written) } : written
}

const changeStored = async (
  connection: Connection,
  writing: Writing,
  met: Met,
  current: Current,
  action: 'c' | 'u',
): Promise<Written> => {
  const next = nextOf(met, current)
  if (next === undefined) return { outcome: 'unchanged', ...current }
  return isolated(connection, async () => {
    const written = await replace(connection, writing, current, ofItsSubject(next, current), action)
    if (isNews(met)) await recordContent(connection, met.keyed, { before: met.contents.current, after: met.entry })
    return written
  })
}

const isOld = ({ contents, entry, isEcho }: Met): boolean => isEcho || contents.known.has(entry.digest)

/** Of what was sent before nothing changes, but that it can be taken back. */
export const mayChange = (met: Met): boolean =>
  met.current !== undefined && (!isOld(met) || isMistake(met.entry.candidate.resource as Observation))

/** Nothing comes of it, whoever sends it. */
export const isSettled = (met: Met): boolean =>
  met.current === undefined || (isOld(met) && nextOf(met, met.current) === undefined)

const isNews = (met: Met): boolean =>
  !isOld(met) && (met.entry.revised ?? -Infinity) >= (met.contents.current.revised ?? -Infinity)

/** What is to be stored next; undefined where nothing changes. */
const nextOf = (met: Met, current: Current): Resource | undefined => {
  const sent = met.entry.candidate.resource as Observation
  if (isOld(met) && !isMistake(sent)) return undefined
  const stored = parseJson(current.content) as Observation
  if (isNews(met)) return { ...sent, status: statusOf(sent, stored) }
  const status = isMistake(sent) ? sent.status : statusOf(stored, sent)
  return status === stored.status ? undefined : { ...stored, status }
}

/** Of the newer of two contents. https://hl7.org/fhir/R4/valueset-observation-status.html */
const statusOf = (newer: Observation, older: Observation): Observation['status'] => {
  if (isMistake(newer) || isMistake(older)) return 'entered-in-error'
  return newer.status === 'final' && wasFinal.has(older.status) ? 'amended' : newer.status
}

const isMistake = ({ status }: Observation): boolean => status === 'entered-in-error'
const wasFinal: ReadonlySet<unknown> = new Set<Observation['status']>(['final', 'amended', 'corrected'])

/** Uploaded for another record of the same human, it stays with the one that it was first uploaded for. */
const ofItsSubject = (next: Resource, current: Current): Resource => {
  const { subject } = parseJson(current.content) as Observation
  return { ...next, ...(subject === undefined ? {} : { subject }) } as Resource
}

const asSent = <One extends Stored>({ resource }: Candidate, current: One): One => {
  const { id, versionId, lastUpdated } = current
  const meta = { ...resource.meta, versionId, lastUpdated: lastUpdated.toISOString() }
  return { ...current, content: JSON.stringify({ ...resource, id, meta }) }
}

/** Nothing is stored, and the answer is that of what is new: under an id that nothing has. */
export const untold = (candidate: Candidate): Written => ({
  outcome: 'unchanged',
  isUntold: true,
  ...toStored(candidate),
})

const goneSince: Written = {
  outcome: 'refused',
  error: new FhirError('deleted', 'This document was uploaded before, and then deleted'),
}

/** As it is once nobody else is changing it: others may come to it by other keys. */
const lockMet = async (connection: Connection, writing: Writing, met: Met, { id }: Current): Promise<Met> => {
  await lockPlace(connection, writing, 'Observation', id)
  const { keyed } = met
  const currents = await currentObservations(connection, [keyed])
  const contents = await contentsOf(connection, [keyed])
  return { ...met, current: currents.get(keyed.pk), contents: contents.get(keyed.pk) ?? met.contents }
}
