import { randomUUID } from 'node:crypto'
import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../../src/fhir/error.ts'
import type { Store, Stored, Version, Write, Written } from '../../src/storage/store.ts'

type Line = Version & { readonly key: string }

/** A store's contract kept in an array, for tests of what stands before it. Searches match everything of the type. */
export const memoryStore = (lines: Line[] = []): Store => {
  const versionsOf = (type: ResourceType, id: string) =>
    lines.filter(line => line.type === type && line.id === id).toReversed()
  const read = (type: ResourceType, id: string, versionId?: string): Stored => {
    const versions = versionsOf(type, id)
    const found = versionId === undefined ? versions[0] : versions.find(one => one.versionId === versionId)
    if (found === undefined) throw new FhirError('not-found', `${type}/${id} is not known`)
    if (found.content === undefined) throw new FhirError('deleted', `${type}/${id} was deleted`)
    return { ...found, content: found.content }
  }
  const add = (type: ResourceType, id: string, method: Version['method'], resource?: Resource, key = ''): Stored => {
    const [current] = versionsOf(type, id)
    const versionId = String(Number(current?.versionId ?? 0) + 1)
    const lastUpdated = new Date()
    const meta = { ...resource?.meta, versionId, lastUpdated: lastUpdated.toISOString() }
    const content = resource === undefined ? undefined : JSON.stringify({ ...resource, id, meta })
    lines.push({ type, id, versionId, lastUpdated, method, key, ...(content === undefined ? {} : { content }) })
    return { type, id, versionId, lastUpdated, content: content ?? '' }
  }
  const current = (type: ResourceType) =>
    lines.filter(line => line.type === type && line.content !== undefined && line === versionsOf(type, line.id)[0])
  const writers = {
    create: (write: Extract<Write, { kind: 'create' }>): Written => {
      const type = write.resource.resourceType
      const key =
        write.uploadKey?.key ?? (write.ifNoneExist && JSON.stringify(write.ifNoneExist.applied)) ?? randomUUID()
      const same = current(type).find(line => line.key === key)
      if (same !== undefined) return { outcome: 'unchanged', ...read(type, same.id) }
      return { outcome: 'created', ...add(type, write.id ?? randomUUID(), 'POST', write.resource, key) }
    },
    update: ({ id, resource, ifMatch }: Extract<Write, { kind: 'update' }>): Written => {
      const before = read(resource.resourceType, id)
      requireVersion(before, ifMatch)
      return { outcome: 'updated', ...add(resource.resourceType, id, 'PUT', resource) }
    },
    delete: ({ type, id, ifMatch }: Extract<Write, { kind: 'delete' }>): Written => {
      requireVersion(read(type, id), ifMatch)
      return { outcome: 'deleted', ...add(type, id, 'DELETE') }
    },
  } as const
  const writeOne = (write: Write): Written => {
    try {
      return (writers[write.kind] as (write: Write) => Written)(write)
    } catch (error) {
      if (error instanceof FhirError) return { outcome: 'refused', error }
      throw error
    }
  }
  const store: Store = {
    read: async (type, id) => read(type, id),
    vread: async (type, id, versionId) => read(type, id, versionId),
    history: async (type, id, { count, cursor }) => {
      const versions = versionsOf(type, id)
      if (versions.length === 0) throw new FhirError('not-found', `${type}/${id} is not known`)
      return { ...pageOf(versions, count, cursor), total: versions.length }
    },
    search: async ({ type, count, cursor, total }) => {
      const found = current(type).map(line => read(type, line.id))
      return { ...pageOf(found, count, cursor), ...(total === 'none' ? {} : { total: found.length }) }
    },
    write: async writes => writes.map(writeOne),
    atomic: async run => {
      const before = [...lines]
      return run(store).catch(error => {
        lines.splice(0, lines.length, ...before)
        throw error
      })
    },
  }
  return store
}

const pageOf = <T>(all: readonly T[], count: number, cursor = '0') => {
  const start = Number(cursor)
  const next = start + count < all.length ? { next: String(start + count) } : {}
  return { entries: all.slice(start, start + count), ...next }
}

const requireVersion = ({ versionId }: Stored, ifMatch: string | undefined): void => {
  if (ifMatch === undefined || ifMatch === versionId) return
  throw new FhirError('conflict', `The current version is ${versionId}`, { status: 412 })
}
