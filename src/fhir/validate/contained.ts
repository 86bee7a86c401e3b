/** Contained resources and the references to them. https://hl7.org/fhir/R4/references.html#contained */

import { beginning } from '../beginning.ts'
import { jsonText } from '../json.ts'
import { isJson, type Json, pathText, report, reportAt, type Walk } from './walk.ts'

/** Keeps a `#` reference until the whole resource has been seen. */
export const noteFragment = (value: unknown, walk: Walk, ...below: readonly (string | number)[]): void => {
  if (typeof value === 'string' && value.charCodeAt(0) === hash) {
    walk.fragments.push({ id: value.slice(1), path: pathText(walk, ...below), isOfReference: below[0] === 'reference' })
  }
}
const hash = 0x23

/** Checks dom-2 to dom-5 and ref-1, once the resource and all that it contains have been checked. */
export const checkContained = (root: Json, walk: Walk): void => {
  const contained = Array.isArray(root.contained) ? root.contained : []
  const ids = new Set(contained.filter(isJson).map(({ id }) => id))
  for (const { id, path, isOfReference } of walk.fragments) {
    if (isOfReference && id !== '' && !ids.has(id)) lackingContained(walk, id, path, ids)
  }
  refuseSameId(contained, walk)
  const referred = referredIn(walk)
  contained.forEach((resource, index) => {
    if (isJson(resource)) checkOne(resource, walk, { index, isReferred: referred(resource, index) })
  })
}

/** "The contained resources SHALL have an id that is unique within": otherwise a reference would mean both. */
const refuseSameId = (contained: readonly unknown[], walk: Walk): void => {
  const seen = new Set<unknown>()
  contained.forEach((resource, index) => {
    if (!isJson(resource) || resource.id === undefined) return
    if (seen.has(resource.id))
      report(walk, 'value', 'another contained resource has the same id: each has its own', 'contained', index, 'id')
    seen.add(resource.id)
  })
}

const lackingContained = (walk: Walk, id: string, path: string, ids: ReadonlySet<unknown>): void => {
  const listed = [...ids].slice(0, mostNamed).map(one => beginning(jsonText(one), 64))
  const known = ids.size === 0 ? 'there is none' : `there are ${listed.join(', ')}${ids.size > mostNamed ? ' …' : ''}`
  reportAt(walk, 'invariant', `ref-1: #${id} must be the id of a contained resource; ${known}`, path)
}
const mostNamed = 40

type Place = { readonly index: number; readonly isReferred: boolean }

const checkOne = (resource: Json, walk: Walk, { index, isReferred }: Place): void => {
  const meta = isJson(resource.meta) ? resource.meta : {}
  if (resource.contained !== undefined) {
    report(walk, 'invariant', 'dom-2: a contained resource contains no others', 'contained', index, 'contained')
  }
  if (!isReferred) {
    const message = 'dom-3: a contained resource is referred to from the resource, or refers to it by #'
    report(walk, 'invariant', message, 'contained', index)
  }
  if (meta.versionId !== undefined || meta.lastUpdated !== undefined) {
    const message = 'dom-4: a contained resource has no meta.versionId and no meta.lastUpdated'
    report(walk, 'invariant', message, 'contained', index, 'meta')
  }
  if (meta.security !== undefined) {
    report(walk, 'invariant', 'dom-5: a contained resource has no security label', 'contained', index, 'meta')
  }
}

/** Whether anything refers to the contained resource, or it refers to its container. */
const referredIn = (walk: Walk) => {
  const list = `${pathText(walk, 'contained')}[`
  const ids = new Set<unknown>(walk.fragments.map(({ id }) => id))
  const toContainer = walk.fragments.filter(({ id, path }) => id === '' && path.startsWith(list))
  const indexes = new Set(toContainer.map(({ path }) => Number.parseInt(path.slice(list.length), 10)))
  return ({ id }: Json, index: number): boolean => (id !== '' && ids.has(id)) || indexes.has(index)
}
