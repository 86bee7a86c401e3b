import type { Observation, Resource } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { parseJson } from '../fhir/json.ts'
import type { Candidate } from './candidate.ts'
import { replace } from './change.ts'
import { type Current, lockPlace } from './current.ts'
import type { Connection } from './database.ts'
import { isolated } from './savepoint.ts'
import type { Written } from './store.ts'
import {
  currentObservations,
  type Entry,
  entryOf,
  releaseKeys,
  renewKey,
  type StoredUpload,
  storedUploads,
  takenKeys,
} from './upload-keys.ts'
import { type UploadRights, uploadRights } from './upload-rights.ts'
import { type Create, candidatesOf, insertAll, refusal, type Writing } from './write.ts'

/**
 * Observations as a set. A document that is stored already is found by its key: the same again changes nothing, another
 * content is the next version, and of several with one key the last in order wins.
 */
export const uploadAll = async (
  connection: Connection,
  writing: Writing,
  creates: readonly Create[],
): Promise<readonly Written[]> => {
  const candidates = await candidatesOf(connection, writing, creates)
  const entries = candidates.map((candidate, index) => entryOf(candidate, creates[index]?.uploadKey))
  const lastByKey = new Map(entries.map(entry => [entry.place, entry]))
  const last = [...lastByKey.values()]
  const taken = await takenKeys(connection, last)
  const stored = await storedUploads(connection, taken)
  if (stored.size < taken.length)
    throw new FhirError('transient', 'The same documents are being deleted by another request')
  const outcomes = new Map<string, Written>()

  const fresh = last.filter(({ place }) => !stored.has(place))
  const inserted = await insertAll(
    connection,
    writing,
    fresh.map(({ candidate }) => candidate),
  )
  fresh.forEach((entry, index) => {
    const outcome = inserted[index]
    if (outcome !== undefined) outcomes.set(entry.place, outcome)
  })
  await releaseKeys(
    connection,
    fresh.filter(({ place }) => outcomes.get(place)?.outcome !== 'created'),
  )
  const met = last.flatMap(entry => {
    const found = stored.get(entry.place)
    return found === undefined ? [] : [{ entry, candidate: entry.candidate, found, current: found.current }]
  })
  const rights = await uploadRights(connection, writing, met)
  for (const { entry, candidate, found } of met) {
    const may = rights.get(candidate.pk)
    const outcome: Written = may?.isKnown
      ? await meetAgain(connection, writing, entry, found, may)
      : { outcome: 'refused', error: refusal(candidate) }
    outcomes.set(entry.place, outcome)
  }
  return entries.map(entry => outcomeOf(entry, lastByKey, outcomes))
}

/** A document whose key is stored. */
const meetAgain = async (
  connection: Connection,
  writing: Writing,
  entry: Entry,
  { digest, current: found }: StoredUpload,
  { isReadable, isChangeable }: UploadRights,
): Promise<Written> => {
  const { candidate, key } = entry
  if (found === undefined) return goneSince
  if (key !== undefined && digest.equals(key.digest))
    return { outcome: 'unchanged', ...(isReadable ? found : asSent(candidate, found)) }
  if (!isChangeable) return { outcome: 'refused', error: refusal(candidate) }
  const current = await lockCurrent(connection, writing, found)
  if (current === undefined) return goneSince
  return isolated(connection, async () => {
    const written = await replace(connection, writing, current, ofItsSubject(candidate, current), 'c')
    await renewKey(connection, entry)
    return written
  })
}

/** Uploaded for another record of the same human, it stays with the one that it was first uploaded for. */
const ofItsSubject = ({ resource }: Candidate, current: Current): Resource => {
  const { subject } = parseJson(current.content) as Observation
  return { ...resource, ...(subject === undefined ? {} : { subject }) } as Resource
}

/** Who may not read what is stored, which somebody may have added to, is answered their own words. */
const asSent = ({ resource }: Candidate, current: Current): Current => {
  const { id, versionId, lastUpdated } = current
  const meta = { ...resource.meta, versionId, lastUpdated: lastUpdated.toISOString() }
  return { ...current, content: JSON.stringify({ ...resource, id, meta }) }
}

const goneSince: Written = {
  outcome: 'refused',
  error: new FhirError('deleted', 'This document was uploaded before, and then deleted'),
}

/** As it is once nobody else is changing it. */
const lockCurrent = async (connection: Connection, writing: Writing, { id, patientId, pk }: Current) => {
  await lockPlace(connection, writing, 'Observation', id)
  const currents = await currentObservations(connection, [{ patient_id: patientId, pk }])
  return currents.get(`${patientId}/${pk}`)
}

/** An earlier entry with the key of a later one was overtaken: it answers with what is stored now, as unchanged. */
const outcomeOf = (
  entry: Entry,
  lastByKey: ReadonlyMap<string, Entry>,
  outcomes: ReadonlyMap<string, Written>,
): Written => {
  const outcome = outcomes.get(entry.place)
  if (outcome === undefined) throw new Error('an upload without an outcome')
  if (outcome.outcome === 'refused' || outcome.outcome === 'deleted' || lastByKey.get(entry.place) === entry)
    return outcome
  return { ...outcome, outcome: 'unchanged' }
}
