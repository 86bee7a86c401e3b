import type { Resource } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import { withoutQuotes } from '../../fhir/patch/unquoted.ts'
import { roomOfBundle } from '../../search/room.ts'
import type { Connection } from '../database.ts'
import type { Write, Written } from '../store.ts'
import { countUploads } from '../upload/ingest.ts'
import { uploadAll } from '../upload/upload.ts'
import { uploadProvenances } from '../upload/upload-provenance.ts'
import { adoptPractitioner } from './adopt.ts'
import { withNarrowedPlaces } from './answered-places.ts'
import { deleteOne, patchOne, updateOne } from './change.ts'
import { changesParent } from './changed-parent.ts'
import { createAll, standsAlone } from './create-all.ts'
import { withDecision } from './decision.ts'
import { tellingPatient } from './done-for-patient.ts'
import { renewPlaces } from './noted-places.ts'
import { renewNames } from './renamed.ts'
import { recordRepairs } from './repaired.ts'
import { contentOf, missingReferences, referring } from './required-references.ts'
import { isolated } from './savepoint.ts'
import { takeTurnAlone } from './turn-to-join.ts'
import { plannedOf, takeTurns } from './turns.ts'
import { type Create, createOne, type Writing } from './write.ts'

/**
 * Carries the writes out in their order, in the caller's transaction: runs of plain creates as sets, and everything else one by one behind a
 * savepoint, so that an entry that is refused changes nothing and does not affect the others. `beside`: what else the transaction writes, such as
 * `Patient/1`.
 */
export const writeAll = async (
  connection: Connection,
  writing: Writing,
  writes: readonly Write[],
  beside: ReadonlySet<string> = new Set(),
): Promise<readonly Written[]> => {
  const missing = await missingFrom(connection, writing, writes.map(contentOf), beside)
  const complete = writes.filter((_, index) => missing[index] === undefined)
  const written = await writeComplete(connection, writing, complete, beside)
  await renewPlaces(connection, writing)
  await renewNames(connection, writing)
  await recordRepairs(connection, writing, complete, written)
  const rest = written.values()
  const all = writes.map((_, index): Written => {
    const error = missing[index]
    return error === undefined ? (rest.next().value as Written) : { outcome: 'refused', error }
  })
  await countUploads(connection, writing, writes, all, await uploadProvenances(connection, writing, writes, all))
  return all
}

/** For each resource the refusal, if it refers to something that is not here. If references are not required, nothing is missing. */
const missingFrom = async (
  connection: Connection,
  writing: Writing,
  resources: readonly (Resource | undefined)[],
  beside: ReadonlySet<string>,
): Promise<readonly (FhirError | undefined)[]> =>
  writing.references === undefined
    ? []
    : missingReferences(connection, writing, writing.references(), resources, beside.union(writing.knows ?? new Set()))

const writeComplete = async (
  connection: Connection,
  writing: Writing,
  writes: readonly Write[],
  beside: ReadonlySet<string>,
): Promise<readonly Written[]> => {
  const written: Written[] = []
  if (await changesParent(connection, writing, writes)) await takeTurnAlone(connection)
  await takeTurns(connection, writing, writes.flatMap(ifNoneExistOf), writes.map(plannedOf))
  let left = roomOfBundle
  for (const run of runsOf(writes)) {
    if (run.kind === 'one') {
      const { write } = run
      const one = await isolated(connection, async () => {
        if (left <= 0) throw tooMuch
        return tellingPatient(connection, writing, () =>
          withNarrowedPlaces(connection, writing, write, () =>
            withDecision(connection, writing, write, () => writeOne(connection, writing, write, beside)),
          ),
        )
      })
      left -= lettersMet(write, one)
      written.push(one)
    } else written.push(...(await setWriters[run.kind](connection, writing, run.creates)))
  }
  return written
}

/** All that is written is held until the last write is done, and a short entry may patch a long resource, or find one by If-None-Exist. */
const tooMuch = new FhirError(
  'too-costly',
  'The entries before this one met as much as one Bundle may: send them in parts',
  {
    status: 400,
  },
)

/** The length of what was there already, and did not come with the write. */
const lettersMet = (write: Write, one: Written): number =>
  'content' in one && (write.kind === 'patch' || one.outcome === 'unchanged') ? one.content.length : 0

/** The writes take turns by these, so that of two conditional creates at once not both find nothing. */
const ifNoneExistOf = (write: Write) =>
  write.kind === 'create' && write.ifNoneExist !== undefined ? [write.ifNoneExist] : []

const setWriters = { uploads: uploadAll, set: createAll } as const

type Run =
  | { readonly kind: 'uploads' | 'set'; readonly creates: Create[] }
  | { readonly kind: 'one'; readonly write: Write }

const runsOf = (writes: readonly Write[]): readonly Run[] => {
  const runs: Run[] = []
  const add = (kind: 'uploads' | 'set', create: Create) => {
    const last = runs.at(-1)
    if (last?.kind === kind) last.creates.push(create)
    else runs.push({ kind, creates: [create] })
  }
  for (const write of writes) {
    if (isPlainObservation(write)) add('uploads', write)
    else if (standsAlone(write)) add('set', write)
    else runs.push({ kind: 'one', write })
  }
  return runs
}

const isPlainObservation = (write: Write): write is Create =>
  write.kind === 'create' && write.resource.resourceType === 'Observation' && write.ifNoneExist === undefined

/** One change. Throws FhirError if it is refused; the caller must then roll back what it has done. */
const writeOne = async (
  connection: Connection,
  writing: Writing,
  write: Write,
  beside: ReadonlySet<string>,
): Promise<Written> => {
  const written = await changeOne(connection, writing, write)
  // Only now is it known what the patch made of the resource.
  if (writing.references !== undefined && write.kind === 'patch' && written.outcome === 'updated') {
    const [missing] = await missingFrom(
      connection,
      writing,
      [referring(parseJson(written.content) as Resource)],
      beside,
    )
    if (missing !== undefined) throw write.isMoving ? withoutQuotes(missing) : missing
  }
  if ('resource' in write && write.resource.resourceType === 'PractitionerRole')
    await adoptPractitioner(connection, writing, write.resource)
  return written
}

const changeOne = (connection: Connection, writing: Writing, write: Write): Promise<Written> => {
  switch (write.kind) {
    case 'create':
      return createOne(connection, writing, write)
    case 'update':
      return updateOne(connection, writing, write)
    case 'patch':
      return patchOne(connection, writing, write)
    case 'delete':
      return deleteOne(connection, writing, write)
  }
}
