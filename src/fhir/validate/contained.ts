/** Contained resources and the references to them. https://hl7.org/fhir/R4/references.html#contained */

import { isJson, type Json, pathText, report, type Walk } from './walk.ts'

/** Remembers a `#` reference until the whole resource has been seen. */
export const noteFragment = (value: unknown, walk: Walk, ...below: readonly (string | number)[]): void => {
  if (typeof value === 'string' && value.charCodeAt(0) === hash) {
    walk.fragments.push({ id: value.slice(1), path: pathText(walk, ...below), isOfReference: below[0] === 'reference' })
  }
}
const hash = 0x23

/** dom-2 to dom-5 and ref-1, once the resource and all it contains have been checked. */
export const checkContained = (root: Json, walk: Walk): void => {
  const contained = Array.isArray(root.contained) ? root.contained : []
  const ids = new Set(contained.filter(isJson).map(({ id }) => id))
  for (const { id, path, isOfReference } of walk.fragments) {
    if (isOfReference && id !== '' && !ids.has(id)) lackingContained(walk, id, path, ids)
  }
  contained.forEach((resource, index) => {
    if (isJson(resource)) checkOne(resource, walk, index)
  })
}

const lackingContained = (walk: Walk, id: string, path: string, ids: ReadonlySet<unknown>): void => {
  const known = ids.size === 0 ? 'there is none' : `there are ${[...ids].join(', ')}`
  walk.issues.push({
    code: 'invariant',
    message: `ref-1: #${id} must be the id of a contained resource; ${known}`,
    expression: path,
  })
}

const checkOne = (resource: Json, walk: Walk, index: number): void => {
  const meta = isJson(resource.meta) ? resource.meta : {}
  if (resource.contained !== undefined) {
    report(walk, 'invariant', 'dom-2: a contained resource contains no others', 'contained', index, 'contained')
  }
  if (!isReferred(resource, walk, index)) {
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

const isReferred = ({ id }: Json, walk: Walk, index: number): boolean => {
  const own = `${pathText(walk, 'contained', index)}.`
  return walk.fragments.some(fragment => (fragment.id === '' ? fragment.path.startsWith(own) : fragment.id === id))
}
