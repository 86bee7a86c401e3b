import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { fullAccess, restrict } from '../../access/access.ts'
import { whoWrites } from '../../access/who-writes.ts'
import { FhirError } from '../../fhir/error.ts'
import { parseInSteps } from '../../fhir/json-pieces.ts'
import { unquoted } from '../../fhir/patch/unquoted.ts'
import { type Current, findCurrent, lockPlace, refuseRecorded, storedContent, wasVisible } from '../current.ts'
import type { Connection } from '../database.ts'
import { meetSource } from '../model/derivation.ts'
import { project } from '../model/projections.ts'
import type { Candidate } from '../prepare/candidate.ts'
import { holdDevice } from '../prepare/device-source.ts'
import { findNextOwner, findOwner } from '../prepare/owner.ts'
import { type Draft, isNumbered, prepare } from '../prepare/prepare.ts'
import { subjectElement, subjectsOf } from '../prepare/subject.ts'
import { sql } from '../sql.ts'
import type { Write, Written } from '../store.ts'
import { checkConditions } from './conditions.ts'
import { keepDeletion } from './deletion.ts'
import { numberAllowed } from './number-allowed.ts'
import { type Place, removeResource, replaceResource } from './update.ts'
import {
  asKept,
  insertAll,
  insertOne,
  onlyWritten,
  toProjected,
  toStored,
  unknown,
  type Writing,
  writeRefusal,
} from './write.ts'

type Update = Extract<Write, { kind: 'update' }>
type Patch = Extract<Write, { kind: 'patch' }>
type Delete = Extract<Write, { kind: 'delete' }>

/** The next version of what is there. An unknown id is created, if the caller may choose ids. */
export const updateOne = async (connection: Connection, writing: Writing, write: Update): Promise<Written> => {
  const type = write.resource.resourceType
  refuseRecorded(type, write.id)
  const place = await lockPlace(connection, writing, type, write.id)
  if (place === undefined) {
    if (!writing.choosesIds || write.ifMatch !== undefined) throw unknown(type, write.id)
    return insertNamed(connection, writing, write)
  }
  const current = await findWritable(connection, writing, type, write.id, 'u')
  if (current === undefined) return revive(connection, writing, write, { type, ...place })
  checkConditions(current, write)
  return replace(connection, writing, current, write.resource)
}

/** A new resource with an id to which others may refer already, or in what they are writing at this moment. */
const insertNamed = async (connection: Connection, writing: Writing, { resource, id }: Update): Promise<Written> => {
  // A source waits until nobody else writes at all.
  const isDevice = resource.resourceType === 'Device' && resource.patient !== undefined
  if (isDevice && resource.parent !== undefined) await holdDevice(connection, id)
  const written = await insertOne(connection, writing, { resource, id })
  if (written.outcome === 'created' && written.type === 'Observation') await meetSource(connection, written)
  return written
}

/** The next version of what is there, as the patch changes it: nobody else can change it in between. */
export const patchOne = async (connection: Connection, writing: Writing, write: Patch): Promise<Written> => {
  const { type, id } = write
  refuseRecorded(type, id)
  const place = await lockPlace(connection, writing, type, id)
  const current = await findWritable(connection, writing, type, id, 'u')
  if (place === undefined || current === undefined) {
    const isGone = place !== undefined && (await wasVisible(connection, writing, { type, id, ...place }, 'r'))
    throw isGone ? new FhirError('deleted', `${type}/${id} was deleted`) : unknown(type, id)
  }
  if ((await findCurrent(connection, writing, type, id, 'r')) === undefined)
    throw new FhirError(
      'forbidden',
      `${type}/${id} may be changed by this token, but not read, and a patch tells what it met`,
    )
  checkConditions(current, write)
  const stored = await readStored(await storedContent(connection, current))
  const changed = await write.change(stored)
  const replaced = () => replace(connection, writing, current, changed)
  return write.isMoving ? unquoted(replaced) : replaced()
}

/** A long content is parsed in steps, so that others have their turn in between. */
const readStored = async (content: string): Promise<Resource> => (await parseInSteps(content)) as Resource

/** Brings a deleted resource back as its next version, if the caller may choose ids. */
const revive = async (connection: Connection, writing: Writing, write: Update, place: Place): Promise<Written> => {
  const last = writing.choosesIds ? await wasVisible(connection, writing, { ...place, id: write.id }, 'u') : undefined
  if (last === undefined || write.ifMatch !== undefined) throw unknown(place.type, write.id)
  const draft = {
    resource: await asKept(connection, writing, write),
    id: write.id,
    pk: place.pk,
    version: Number(last.versionId) + 1,
    owner: await findOwner(connection, writing, write.resource),
    author: writing.author,
  }
  const candidate = await prepareOne(connection, writing, draft)
  checkPatient(candidate, place.patientId, writing)
  return onlyWritten(await insertAll(connection, writing, [candidate]))
}

const prepareOne = async (connection: Connection, writing: Writing, draft: Draft): Promise<Candidate> => {
  const [candidate] = await prepare(connection, writing, [draft], new Date())
  if (candidate === undefined) throw new Error('an update without a candidate')
  return candidate
}

/** Writes the next version, if the caller may write this content there. */
export const replace = async (
  connection: Connection,
  writing: Writing,
  current: Current,
  resource: Resource,
): Promise<Written> => {
  const next = await nextVersion(connection, writing, current, resource)
  const [candidate = next] = await numberAllowed(connection, writing, [next], 'u')
  if (!isNumbered(candidate)) throw writeRefusal(candidate, writing)
  const allowed = restrict(writing.access, 'u', current.type)
  const outcome = await replaceResource(connection, candidate, allowed, writing.classes)
  if (outcome === 'refused') throw writeRefusal(candidate, writing)
  if (outcome === 'unchanged') return { outcome, ...current }
  await project(connection, current.type, [toProjected(candidate)], writing)
  return { outcome: 'updated', ...toStored(candidate) }
}

/** What would be stored as the next version; it must be about the same patient. */
export const nextVersion = async (
  connection: Connection,
  writing: Writing,
  current: Current,
  resource: Resource,
): Promise<Candidate> => {
  const before = await readStored(current.content)
  const draft = {
    resource: await asKept(connection, writing, { resource, id: current.id, before }),
    id: current.id,
    pk: current.pk,
    version: Number(current.versionId) + 1,
    owner: await findNextOwner(connection, writing, { owner: current.owner, resource: before }, resource),
    author: writing.author,
  }
  const candidate = await prepareOne(connection, writing, draft)
  checkPatient(candidate, current.patientId, writing)
  checkSubjects(candidate, before, writing)
  return candidate
}

const checkPatient = (candidate: Candidate, patientId: number, { registry }: Writing): void => {
  if (candidate.patientId !== patientId) throw moved(candidate, registry)
}

/** Two records of one human are in one compartment, and are still two: the subject stays the same. */
const checkSubjects = (candidate: Candidate, before: Resource, { registry }: Writing): void => {
  if (candidate.patientId === 0) return
  const subjects = new Set(subjectsOf(registry, before))
  if (!subjectsOf(registry, candidate.resource).every(one => subjects.has(one))) throw moved(candidate, registry)
}

const moved = ({ type }: Candidate, registry: Writing['registry']): FhirError =>
  new FhirError('business-rule', 'Whose data it is never changes: delete it, and create it for the other patient', {
    expression: subjectElement(registry, type),
  })

/** Deleting it a second time does nothing. A study is deleted with its Group. */
export const deleteOne = async (connection: Connection, writing: Writing, write: Delete): Promise<Written> => {
  const { type, id } = write
  refuseRecorded(type, id)
  const place = await lockPlace(connection, writing, type, id)
  if (place === undefined) throw unknown(type, id)
  const current = await findWritable(connection, writing, type, id, 'd')
  if (current === undefined) {
    const last = await wasVisible(connection, writing, { type, id, ...place }, 'd')
    if (last === undefined) throw unknown(type, id)
    return { outcome: 'deleted', type, id, patientId: place.patientId, ...last }
  }
  checkConditions(current, write)
  const pair = await pairedWith(connection, type, id)
  const deleted = await remove(connection, writing, current)
  const isThere = pair !== undefined && (await lockPlace(connection, writing, pair.type, pair.id)) !== undefined
  if (isThere) await deleteOne(connection, { ...writing, access: fullAccess }, { kind: 'delete', ...pair })
  return deleted
}

/** The Group of a study, or the study of a Group; undefined once one of them is deleted. */
const pairedWith = async (
  connection: Connection,
  type: ResourceType,
  id: string,
): Promise<{ readonly type: ResourceType; readonly id: string } | undefined> => {
  if (type !== 'ResearchStudy' && type !== 'Group') return undefined
  const other = type === 'ResearchStudy' ? 'Group' : 'ResearchStudy'
  const row = await connection.maybeOne<{ study: string; group: string | null }>(sql.fragment`
    SELECT id AS study, group_id AS "group" FROM study
    WHERE ${type === 'ResearchStudy' ? sql.fragment`id` : sql.fragment`group_id`} = ${id}`)
  const pairId = type === 'ResearchStudy' ? row?.group : row?.study
  return pairId === undefined || pairId === null ? undefined : { type: other, id: pairId }
}

const remove = async (connection: Connection, writing: Writing, current: Current): Promise<Written> => {
  const { type, id, patientId, pk } = current
  const place = { patientId, pk }
  const version = Number(current.versionId) + 1
  const lastUpdated = new Date()
  await keepDeletion(connection, writing, { type, ...place }, version)
  await removeResource(connection, { type, ...place }, { version, lastUpdated, author: writing.author })
  await project(connection, type, [{ ...place, id, versionId: String(version), resource: undefined }], writing)
  return { outcome: 'deleted', type, id, patientId, versionId: String(version), lastUpdated }
}

/** The current row, if the caller may do the action to it. One that they may only read is forbidden, and not unknown. */
const findWritable = async (
  connection: Connection,
  writing: Writing,
  type: ResourceType,
  id: string,
  action: 'u' | 'd',
): Promise<Current | undefined> => {
  const current = await findCurrent(connection, writing, type, id, action)
  if (current !== undefined) return current
  if ((await findCurrent(connection, writing, type, id, 'r')) === undefined) return undefined
  throw new FhirError('forbidden', `${type}/${id} may be read by this token, but not changed: ${whoWrites(type)}`)
}
