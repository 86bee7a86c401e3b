import type { Resource } from '@medplum/fhirtypes'
import type { FhirError } from '../../fhir/error.ts'
import { passesGate } from '../compile/gate.ts'
import { type Current, lockPlace } from '../current.ts'
import type { Connection } from '../database.ts'
import { project } from '../model/projections.ts'
import { type Candidate, entryRow, entryTables } from '../prepare/candidate.ts'
import { isNumbered } from '../prepare/prepare.ts'
import { sql } from '../sql.ts'
import type { Written } from '../store.ts'
import { nextVersion } from '../write/change.ts'
import { currentObservations } from '../write/current-observations.ts'
import { numberAllowed } from '../write/number-allowed.ts'
import { attempt, isolated } from '../write/savepoint.ts'
import { putVersions, said } from '../write/update.ts'
import { toProjected, toStored, type Writing, writeRefusal } from '../write/write.ts'
import { type Content, type Contents, contentsOf, recordContents } from './upload-contents.ts'
import type { Keyed } from './upload-keys.ts'
import type { UploadRights } from './upload-rights.ts'

export type Now = {
  readonly contents: Contents
  readonly current: Current | undefined
  /** The caller's rights to it; absent if nothing has changed. */
  readonly rights?: Pick<UploadRights, 'isReadable' | 'isChangeable'>
}

/** A stored Observation that documents of one upload meet. */
export type Standing = {
  readonly now: () => Now
  /** The same, read anew under a lock: until then, others who meet it by other keys may change it. */
  readonly locked: () => Promise<Now>
  /** Its next version, as far as the caller may write that content there. It must be locked. */
  readonly replace: (resource: Resource, action: 'c' | 'u') => Promise<Written>
  /** Notes the content that is stored now. */
  readonly record: (content: Content) => void
  readonly remember: (digest: string) => void
  /** Writes it: nothing is written before. Answers why it could not be written, if so, and then nothing is. */
  readonly write: () => Promise<FhirError | undefined>
}

/**
 * However many versions come, its row and the rows beside it are written only once: PostgreSQL finds a row that one transaction has written many times
 * only by going through all its versions.
 */
export const openStanding = (
  connection: Connection,
  writing: Writing,
  { keyed, ...found }: Omit<Now, 'rights'> & { readonly keyed: Keyed },
): Standing => {
  let current = found.current
  let known = new Set(found.contents.known)
  let standingContent = found.contents.current
  let isLocked = false
  let last: Judged | undefined
  const versions: Candidate[] = []
  const contents: Content[] = []
  const now = () => ({
    current,
    contents: { current: standingContent, known },
    ...(last && { rights: { isReadable: last.readable, isChangeable: last.changeable } }),
  })
  return {
    now,
    locked: async () => {
      if (isLocked || current === undefined) return now()
      await lockPlace(connection, writing, 'Observation', current.id)
      isLocked = true
      current = (await currentObservations(connection, [keyed])).get(keyed.pk)
      const stored = (await contentsOf(connection, [keyed])).get(keyed.pk)
      if (stored !== undefined) standingContent = stored.current
      known = known.union(stored?.known ?? new Set())
      return now()
    },
    replace: (resource, action) =>
      isolated(connection, async () => {
        if (current === undefined) throw new Error('nothing stands here')
        const { candidate, judged } = await nextJudged(connection, writing, current, resource, action)
        if (judged.said === (last?.said ?? judged.before)) return { outcome: 'unchanged', ...current }
        last = judged
        versions.push(candidate)
        current = standingAs(candidate, judged)
        return { outcome: 'updated', ...toStored(candidate) }
      }),
    record: content => {
      if (contents.length === 0) contents.push(standingContent)
      contents.push(content)
      standingContent = content
      known.add(content.digest)
    },
    remember: digest => {
      known.add(digest)
    },
    write: () => writeVersions(connection, writing, { keyed, versions, contents }),
  }
}

/** Throws if the caller may not write it. */
const nextJudged = async (
  connection: Connection,
  writing: Writing,
  current: Current,
  resource: Resource,
  action: 'c' | 'u',
): Promise<{ readonly candidate: Candidate; readonly judged: Judged }> => {
  const next = await nextVersion(connection, writing, current, resource)
  const [candidate = next] = await numberAllowed(connection, writing, [next], action)
  const judged = await judge(connection, writing, candidate, action)
  if (judged === undefined) throw writeRefusal(candidate, writing)
  return { candidate, judged }
}

type Judged = {
  readonly content: string
  readonly said: string
  /** The content of the row that is to be replaced. */
  readonly before: string | null
  readonly readable: boolean
  readonly changeable: boolean
}

/** The caller's rights to the next version, as they would be if it were stored; undefined if the caller may not write it. */
const judge = async (
  connection: Connection,
  writing: Writing,
  candidate: Candidate,
  action: 'c' | 'u',
): Promise<Judged | undefined> => {
  if (!isNumbered(candidate)) return undefined
  const { author, authorSince = '-infinity' } = writing
  const may = (action: 'c' | 'r' | 'u') => passesGate(writing, action, 'Observation', entryRow('Observation'))
  return connection.maybeOne<Judged>(sql.fragment`
    WITH ${entryTables([candidate])}
    SELECT entry.content::text AS content, ${digestOf('entry')} AS said,
      (SELECT ${digestOf('row')} FROM observation AS row
        WHERE row.patient_id = entry.patient_id AND row.pk = entry.pk) AS before,
      coalesce(${may('r')}, FALSE) AS readable,
      coalesce(entry.author = ${author} AND entry.last_updated >= ${authorSince}::timestamptz OR ${may('u')}, FALSE) AS changeable
    FROM entry WHERE ${may(action)}`)
}

const digestOf = (alias: string) => sql.fragment`encode(sha256(convert_to(${said(alias)}, 'UTF8')), 'hex')`

const standingAs = (candidate: Candidate, { content }: Judged): Current => {
  const { kindId: _, deviceId: __, ...stored } = toStored(candidate)
  return { ...stored, pk: candidate.pk, owner: candidate.owner, content }
}

type Coming = { readonly keyed: Keyed; readonly versions: readonly Candidate[]; readonly contents: readonly Content[] }

const writeVersions = async (
  connection: Connection,
  writing: Writing,
  { keyed, versions, contents }: Coming,
): Promise<FhirError | undefined> => {
  const version = versions.at(-1)
  if (version === undefined && contents.length === 0) return undefined
  const attempted = await attempt(connection, async () => {
    if (version !== undefined) {
      await putVersions(connection, versions.slice(0, -1), version)
      await project(connection, 'Observation', [toProjected(version)], writing)
    }
    await recordContents(connection, keyed, contents)
  })
  return 'refused' in attempted ? attempted.refused : undefined
}
