import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import { type Access, restrict } from '../access/access.ts'
import { ownerOf } from '../access/owner.ts'
import { FhirError } from '../fhir/error.ts'
import type { Candidate } from './candidate.ts'
import { type Current, findCurrent, lockPlace, wasVisible } from './current.ts'
import type { Connection } from './database.ts'
import { insertResources } from './insert.ts'
import { project } from './model/projections.ts'
import { type Preparing, prepare } from './prepare.ts'
import { searchIds } from './search.ts'
import { sql } from './sql.ts'
import type { Stored, Write, Written } from './store.ts'
import { type Place, removeResource, replaceResource } from './update.ts'

/** Everything that writing needs, and for whom. */
export type Writing = Preparing & {
  readonly typeIds: ReadonlyMap<ResourceType, number>
  readonly nextPk: () => Promise<string>
  readonly access: Access
  readonly author: number
  /** Organizations that the caller may write for, by id. */
  readonly organizations: readonly string[]
  /** Whether an update of an unknown id creates it. */
  readonly choosesIds: boolean
}

export type Create = Extract<Write, { kind: 'create' }>
type Update = Extract<Write, { kind: 'update' }>
type Delete = Extract<Write, { kind: 'delete' }>

/** One change. Throws FhirError where it is refused; what it had done by then is the caller's to roll back. */
export const writeOne = (connection: Connection, writing: Writing, write: Write): Promise<Written> => {
  switch (write.kind) {
    case 'create':
      return createOne(connection, writing, write)
    case 'update':
      return updateOne(connection, writing, write)
    case 'delete':
      return deleteOne(connection, writing, write)
  }
}

const createOne = async (connection: Connection, writing: Writing, write: Create): Promise<Written> => {
  const existing = write.ifNoneExist === undefined ? undefined : await findExisting(connection, writing, write)
  if (existing !== undefined) return { outcome: 'unchanged', ...existing }
  const [candidate] = await candidatesOf(connection, writing, [write])
  if (candidate === undefined) throw new Error('a create without a candidate')
  const [written] = await insertAll(connection, writing, [candidate])
  if (written === undefined || written.outcome === 'refused') throw written?.error ?? new Error('nothing was written')
  return written
}

/** Conditional creates with the same criteria take turns, so that two at once cannot both find nothing. */
const findExisting = async (
  connection: Connection,
  writing: Writing,
  { resource: { resourceType: type }, ifNoneExist }: Create,
): Promise<Stored | undefined> => {
  if (ifNoneExist === undefined) return undefined
  const criteria = `${type}?${ifNoneExist.applied.map(pair => pair.join('=')).join('&')}`
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtextextended(${criteria}, 0))`)
  const ids = await searchIds(connection, writing, ifNoneExist, 2)
  if (ids.length > 1) throw new FhirError('multiple-matches', 'If-None-Exist matches several resources')
  const [id] = ids
  return id === undefined ? undefined : findCurrent(connection, writing, type, id, 's')
}

/** New versions 1, with fresh keys; an id is kept only where the interaction chose it. */
export const candidatesOf = async (
  connection: Connection,
  writing: Writing,
  creates: readonly Pick<Create, 'resource' | 'id'>[],
): Promise<readonly Candidate[]> => {
  const drafts = []
  for (const { resource, id } of creates)
    drafts.push({
      resource,
      id: id ?? uuidv7(),
      pk: await writing.nextPk(),
      version: 1,
      owner: resource.resourceType === 'Observation' ? null : ownerOf(resource, writing.organizations),
      author: writing.author,
    })
  return prepare(connection, writing, drafts, new Date())
}

/** Inserts candidates of one type; those that the caller's access does not allow are refused, one by one. */
export const insertAll = async (
  connection: Connection,
  writing: Writing,
  candidates: readonly Candidate[],
): Promise<readonly Written[]> => {
  const [first] = candidates
  if (first === undefined) return []
  const { type } = first
  const allowed = restrict(writing.access, 'c', type)
  const written = await insertResources(connection, typeIdOf(writing, type), candidates, allowed, writing.classes)
  const projected = candidates.filter(({ pk, facts }) => written.has(pk) && facts?.derived !== false)
  if (projected.length > 0) await project(connection, type, projected.map(toProjected), writing)
  return candidates.map(candidate =>
    written.has(candidate.pk)
      ? { outcome: 'created', ...toStored(candidate) }
      : { outcome: 'refused', error: refusal(candidate) },
  )
}

const updateOne = async (connection: Connection, writing: Writing, write: Update): Promise<Written> => {
  const type = write.resource.resourceType
  const place = await lockPlace(connection, writing, type, write.id)
  if (place === undefined) {
    if (!writing.choosesIds || write.ifMatch !== undefined) throw unknown(type, write.id)
    return createOne(connection, writing, { kind: 'create', resource: write.resource, id: write.id })
  }
  const current = await findWritable(connection, writing, type, write.id, 'u')
  if (current === undefined) return revive(connection, writing, write, { type, ...place })
  checkVersion(current, write.ifMatch)
  return replace(connection, writing, current, write.resource, 'u')
}

/** A deleted resource comes back as its next version, for those who may choose ids. */
const revive = async (connection: Connection, writing: Writing, write: Update, place: Place): Promise<Written> => {
  const last = writing.choosesIds ? await wasVisible(connection, writing, { ...place, id: write.id }, 'u') : undefined
  if (last === undefined || write.ifMatch !== undefined) throw unknown(place.type, write.id)
  const draft = {
    resource: write.resource,
    id: write.id,
    pk: place.pk,
    version: Number(last.versionId) + 1,
    owner: ownerOf(write.resource, writing.organizations),
    author: writing.author,
  }
  const [candidate] = await prepare(connection, writing, [draft], new Date())
  if (candidate === undefined) throw new Error('an update without a candidate')
  checkPatient(candidate, place.patientId)
  const [written] = await insertAll(connection, writing, [candidate])
  if (written === undefined || written.outcome === 'refused') throw written?.error ?? new Error('nothing was written')
  return written
}

/** The next version in the place of the current one, if the caller may write this content there. */
export const replace = async (
  connection: Connection,
  writing: Writing,
  current: Current,
  resource: Resource,
  action: 'c' | 'u',
): Promise<Written> => {
  const draft = {
    resource,
    id: current.id,
    pk: current.pk,
    version: Number(current.versionId) + 1,
    owner: current.owner,
    author: writing.author,
  }
  const [candidate] = await prepare(connection, writing, [draft], new Date())
  if (candidate === undefined) throw new Error('an update without a candidate')
  checkPatient(candidate, current.patientId)
  const allowed = restrict(writing.access, action, current.type)
  if (!(await replaceResource(connection, candidate, allowed, writing.classes))) throw refusal(candidate)
  await project(connection, current.type, [toProjected(candidate)], writing)
  return { outcome: 'updated', ...toStored(candidate) }
}

const checkPatient = (candidate: Candidate, patientId: number): void => {
  if (candidate.patientId === patientId) return
  throw new FhirError(
    'business-rule',
    'Whose data it is never changes: delete it, and create it for the other patient',
    { expression: `${candidate.type}.subject` },
  )
}

const deleteOne = async (connection: Connection, writing: Writing, write: Delete): Promise<Written> => {
  const { type, id } = write
  const place = await lockPlace(connection, writing, type, id)
  if (place === undefined) throw unknown(type, id)
  const current = await findWritable(connection, writing, type, id, 'd')
  if (current === undefined) {
    const last = await wasVisible(connection, writing, { type, id, ...place }, 'd')
    if (last === undefined) throw unknown(type, id)
    return { outcome: 'deleted', type, id, ...last }
  }
  checkVersion(current, write.ifMatch)
  const version = Number(current.versionId) + 1
  const lastUpdated = new Date()
  await removeResource(connection, { type, ...place }, { version, lastUpdated, author: writing.author })
  await project(connection, type, [{ ...place, id, versionId: String(version), resource: undefined }], writing)
  return { outcome: 'deleted', type, id, versionId: String(version), lastUpdated }
}

/** The current row if the caller may act on it so; one that may only be read is forbidden, not unknown. */
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
  throw new FhirError('forbidden', `${type}/${id} may be read by this token, but not changed`)
}

const checkVersion = ({ versionId }: Current, ifMatch: string | undefined): void => {
  if (ifMatch !== undefined && ifMatch !== versionId)
    throw new FhirError('conflict', `If-Match asks for version ${ifMatch}; the current one is ${versionId}`, {
      status: 412,
    })
}

export const unknown = (type: ResourceType, id: string): FhirError =>
  new FhirError('not-found', `${type}/${id} is not known`)

const refusal = ({ type, facts, resource }: Candidate): FhirError => {
  if (facts === undefined) return new FhirError('forbidden', `This token may not write this ${type}`)
  const codes = resource.resourceType === 'Observation' ? (resource.code.coding ?? []) : []
  const code = codes.map(coding => `${coding.system ?? ''}|${coding.code ?? ''}`).join(', ')
  return new FhirError(
    'forbidden',
    `This token may not write this Observation: its subject must be a patient that the token writes for, and what it measures (${code}) must be of a kind that an active consent of the patient permits`,
    { expression: 'Observation.code' },
  )
}

export const typeIdOf = ({ typeIds }: Pick<Writing, 'typeIds'>, type: ResourceType): number => {
  const typeId = typeIds.get(type)
  if (typeId === undefined) throw new Error(`no table for ${type}`)
  return typeId
}

const toProjected = ({ patientId, pk, id, version, resource }: Candidate) => ({
  patientId,
  pk,
  id,
  versionId: String(version),
  resource,
})

export const toStored = ({ type, id, version, lastUpdated, content }: Candidate): Stored => ({
  type,
  id,
  versionId: String(version),
  lastUpdated,
  content,
})
