import type { Observation, Resource, ResourceType } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import { type Access, fullAccess, restrict } from '../../access/access.ts'
import { stayingWithStudy } from '../../access/consent-study.ts'
import { whoWrites } from '../../access/who-writes.ts'
import { FhirError } from '../../fhir/error.ts'
import { parseReference } from '../../fhir/reference.ts'
import type { Principal } from '../../search/expression.ts'
import { type Asking, findCurrent } from '../current.ts'
import type { Connection } from '../database.ts'
import { project } from '../model/projections.ts'
import { pairOf, withoutServedMembers } from '../model/study-group.ts'
import type { Candidate } from '../prepare/candidate.ts'
import { findOwner } from '../prepare/owner.ts'
import { isNumbered, type Preparing, prepare } from '../prepare/prepare.ts'
import type { CommonTokens } from '../search/common-tokens.ts'
import type { ManyPatients } from '../search/many-patients.ts'
import { searchMatches } from '../search/search.ts'
import type { Stored, Write, Written } from '../store.ts'
import type { QuestionOf } from '../subscription/question.ts'
import type { Gathered } from './gathered.ts'
import { insertResources } from './insert.ts'
import { keptPlace } from './kept-place.ts'
import { numberAllowed } from './number-allowed.ts'

/** Everything that a write needs, and for whom it is. */
export type Writing = Signed & Gathered

/** The same of every transaction of somebody. */
export type Signed = Preparing & {
  readonly typeId: Asking['typeId']
  readonly commonTokens: CommonTokens
  readonly manyPatients: ManyPatients
  readonly nextPk: () => Promise<string>
  readonly access: Access
  readonly author: number
  /** The author may not change what they stored before this instant; absent: they may change whatever they stored. */
  readonly authorSince?: string
  /** Who the author is. */
  readonly principal: Principal
  /** Ids of the organizations for which the caller may write. */
  readonly organizations: readonly string[]
  /** What the caller may refer to without reading it, as `Patient/1`. */
  readonly knows?: ReadonlySet<string>
  /** Whether an update of an unknown id creates it. */
  readonly choosesIds: boolean
  /** Whether what the caller creates may belong to any organization. */
  readonly choosesOwner: boolean
  /** Set if a resource may only refer to what is here and its writer may read: the base of literal references. */
  readonly references?: (() => string) | undefined
  /** SHA-256 of the writer's token; absent if the server itself writes. */
  readonly tokenHash?: Buffer
  /** The upload as which it is counted; absent if the server itself writes. */
  readonly upload?: Upload
  /** What a subscriber asks, to find out who is told of a deletion. */
  readonly questionOf?: QuestionOf | undefined
}

export type Upload = {
  readonly id: string
  readonly client: string
  /** By the id of each Patient, the pk of the upload's Provenance: the same one in however many parts the upload is committed. */
  readonly provenances: Map<string, string>
}

export type Create = Extract<Write, { kind: 'create' }>

/** A study and its Group are made together, whichever of the two is created. */
export const createOne = async (connection: Connection, writing: Writing, write: Create): Promise<Written> => {
  const existing = write.ifNoneExist === undefined ? undefined : await findExisting(connection, writing, write)
  if (existing !== undefined) return { outcome: 'unchanged', ...existing }
  const pair = pairAsked(write)
  if (pair === undefined) return insertOne(connection, writing, write)
  const written = await insertOne(connection, writing, pair.asked)
  await insertOne(connection, { ...writing, access: fullAccess }, pair.other)
  return written
}

const pairAsked = ({ resource, id }: Create): { asked: New; other: New } | undefined => {
  if (resource.resourceType !== 'ResearchStudy' && resource.resourceType !== 'Group') return undefined
  const [own, others] = [id ?? uuidv7(), uuidv7()]
  const isStudy = resource.resourceType === 'ResearchStudy'
  const pair = pairOf(resource, isStudy ? { study: own, group: others } : { study: others, group: own })
  if (pair === undefined) return undefined
  const study = { resource: pair.study, id: isStudy ? own : others }
  const group = { resource: pair.group, id: isStudy ? others : own }
  return isStudy ? { asked: study, other: group } : { asked: group, other: study }
}

type New = Pick<Create, 'resource' | 'id'>

/** Version 1 as it is stored, or the refusal. */
export const insertOne = async (connection: Connection, writing: Writing, write: New): Promise<Written> =>
  onlyWritten(await insertNew(connection, writing, [write]))

/** Of what was one write. Throws the refusal. */
export const onlyWritten = ([written]: readonly Written[]): Written => {
  if (written === undefined || written.outcome === 'refused') throw written?.error ?? new Error('nothing was written')
  return written
}

/** Versions 1 of one type; those that the caller's access does not allow are refused, one by one. */
export const insertNew = async (
  connection: Connection,
  writing: Writing,
  creates: readonly New[],
): Promise<readonly Written[]> => {
  const written = await insertAll(connection, writing, await candidatesOf(connection, writing, creates))
  for (const [index, one] of written.entries())
    if (one.outcome === 'created' && one.type === 'Patient' && creates[index]?.id === undefined)
      writing.newPatients.add(one.patientId)
  return written
}

const findExisting = async (
  connection: Connection,
  writing: Writing,
  { resource: { resourceType: type }, ifNoneExist }: Create,
): Promise<Stored | undefined> => {
  if (ifNoneExist === undefined) return undefined
  const [match, another] = await searchMatches(connection, writing, ifNoneExist, 2)
  if (another !== undefined) throw new FhirError('multiple-matches', 'If-None-Exist matches several resources')
  return match && findCurrent(connection, writing, type, match.id, 's')
}

/** New versions 1, with new keys; an id is kept only if the interaction chose it. */
export const candidatesOf = async (
  connection: Connection,
  writing: Writing,
  creates: readonly New[],
): Promise<readonly Candidate[]> => {
  const drafts = []
  for (const { resource, id = uuidv7() } of creates)
    drafts.push({
      resource: await asKept(connection, writing, { resource, id }),
      id,
      pk: await writing.nextPk(),
      version: 1,
      owner: await findOwner(connection, writing, resource),
      author: writing.author,
    })
  return prepare(connection, writing, drafts, new Date())
}

type Sent = {
  readonly resource: Resource
  readonly id: string
  /** The current version, if it is to be replaced. */
  readonly before?: Resource
}

/** The resource without what the server adds when it is served, and with what it alone says in it or keeps from the version before. */
export const asKept = async (
  connection: Connection,
  writing: Writing,
  { resource, id, before }: Sent,
): Promise<Resource> => {
  switch (resource.resourceType) {
    case 'Consent':
      return before?.resourceType === 'Consent' ? stayingWithStudy(resource, before) : resource
    case 'Group':
      return withoutServedMembers(connection, resource, id)
    case 'ResearchSubject':
      return keptPlace(connection, writing, resource, before)
    default:
      return resource
  }
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
  const all = await numberAllowed(connection, writing, candidates, 'c')
  const ready = all.filter(isNumbered)
  const written = await insertResources(connection, writing.typeId(type), ready, allowed, writing.classes)
  const projected = ready.filter(({ pk, facts }) => written.has(pk) && facts?.isJoint !== false)
  if (projected.length > 0) await project(connection, type, projected.map(toProjected), writing)
  return all.map(candidate =>
    written.has(candidate.pk)
      ? { outcome: 'created', ...toStored(candidate) }
      : { outcome: 'refused', error: writeRefusal(candidate, writing) },
  )
}

export const unknown = (type: ResourceType, id: string): FhirError =>
  new FhirError('not-found', `${type}/${id} is not known`)

/** States the rule, and what in the resource may be against it. */
export const writeRefusal = ({ type, resource }: Candidate, { authorSince }: Writing): FhirError => {
  const ofNobody = resource.resourceType === 'Observation' ? notOfPatient(resource) : undefined
  const what = resource.resourceType === 'Observation' ? ` (${codesOf(resource) || 'without a code'})` : ''
  const element = ofNobody === undefined ? 'code' : 'subject'
  const expression = type === 'Observation' ? { expression: `Observation.${element}` } : {}
  // Said whenever anything is refused, so that it reveals nothing of what is there.
  const until = authorSince === undefined ? '' : unprovenRule
  const words = `This token may not write this ${type}${what}: ${whoWrites(type)}${ofNobody ?? ''}${until}`
  return new FhirError('forbidden', words, expression)
}

const unprovenRule =
  '. As it came by an invitation alone, it also changes nothing that was there before it, until the patient says on their own page that the app is theirs'

/** Says so if the subject, as it is written, names no patient. */
const notOfPatient = ({ subject }: Observation): string | undefined => {
  const { reference } = subject ?? {}
  const parsed = reference === undefined ? undefined : parseReference(reference)
  if (parsed !== undefined && 'type' in parsed && parsed.type === 'Patient') return undefined
  const said = reference === undefined ? 'there is none' : `not ${JSON.stringify(reference)}`
  return `. Its subject.reference is Patient/ and the id, and ${said}`
}

const codesOf = ({ code }: Observation): string =>
  (code.coding ?? []).map(({ system = '', code = '' }) => `${system}|${code}`).join(', ')

export const toProjected = ({ patientId, pk, id, version, resource }: Candidate) => ({
  patientId,
  pk,
  id,
  versionId: String(version),
  resource,
})

export const toStored = ({ type, id, pk, version, lastUpdated, content, patientId, facts }: Candidate): Stored => ({
  type,
  id,
  pk,
  versionId: String(version),
  lastUpdated,
  content,
  patientId,
  kindId: facts?.kindId,
  deviceId: facts?.deviceId,
})
