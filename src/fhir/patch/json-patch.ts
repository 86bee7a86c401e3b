import { FhirError } from '../error.ts'
import { isNumber, isObject, jsonText } from '../json.ts'
import type { Emptied } from './emptied.ts'
import { isSame } from './same.ts'

/**
 * https://www.rfc-editor.org/rfc/rfc6902, on values whose decimals keep their text, which a library would copy as objects. Throws FhirError, 400
 * if it is no patch, 422 for an operation that cannot be carried out. Nothing is changed in place. Lists and objects that lost their last item
 * stay, and are noted in `emptied`.
 */
export const parseJsonPatch = (body: readonly unknown[]): ((document: unknown, emptied?: Emptied) => unknown) => {
  if (body.length > mostOperations) {
    throw new FhirError('too-costly', `A patch has ${mostOperations} operations at most`, { status: 400 })
  }
  const operations = body.map(parseOperation)
  return (document, emptied = new Set()) =>
    operations.reduce<unknown>((changed, operation) => apply(changed, operation, emptied), document)
}

export const mostOperations = 1000

type Pointer = readonly string[]
type Parsed = { readonly name: string; readonly path: Pointer } & (
  | { readonly op: 'add' | 'replace' | 'test'; readonly value: unknown }
  | { readonly op: 'remove' }
  | { readonly op: 'move' | 'copy'; readonly from: Pointer }
)

const parseOperation = (operation: unknown, index: number): Parsed => {
  const at = `Operation ${index} of the patch`
  if (!isObject(operation)) throw malformed(`${at} is not an object`)
  const { op } = operation
  const path = parsePointer(operation.path, `${at}: "path"`)
  const name = `Operation ${index} of the patch (${jsonText(op)} ${jsonText(operation.path)})`
  switch (op) {
    case 'add':
    case 'replace':
    case 'test':
      if (operation.value === undefined) throw malformed(`${at}: ${op} has a "value"`)
      return { name, op, path, value: operation.value }
    case 'remove':
      return { name, op, path }
    case 'move':
    case 'copy':
      return { name, op, path, from: parsePointer(operation.from, `${at}: "from"`) }
    default:
      throw malformed(`${at}: "op" is add, remove, replace, move, copy or test, not ${JSON.stringify(op)}`)
  }
}

/** https://www.rfc-editor.org/rfc/rfc6901 */
const parsePointer = (text: unknown, what: string): Pointer => {
  if (typeof text !== 'string' || !/^(?:\/(?:[^~/]|~[01])*)*$/.test(text)) {
    throw malformed(`${what} is a JSON Pointer such as /name/0/family, not ${JSON.stringify(text)}`)
  }
  return text
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

const malformed = (message: string) => new FhirError('structure', message)

const apply = (document: unknown, operation: Parsed, emptied: Emptied): unknown => {
  const refuse = (reason: string) => new FhirError('processing', `${operation.name}: ${reason}`)
  const { path } = operation
  switch (operation.op) {
    case 'add':
      return add(document, path, operation.value, refuse)
    case 'remove':
      return remove(document, path, refuse, emptied)
    case 'replace':
      found(document, path, refuse)
      return put(document, path, operation.value, refuse)
    case 'move':
      return move(document, operation, refuse, emptied)
    case 'copy':
      return limited(add(document, path, found(document, operation.from, refuse), refuse), refuse)
    case 'test':
      if (isSame(found(document, path, refuse), operation.value)) return document
      throw refuse('the value there is another')
  }
}

type Refuse = (reason: string) => FhirError

const move = (
  document: unknown,
  { from, path }: { from: Pointer; path: Pointer },
  refuse: Refuse,
  emptied: Emptied,
): unknown => {
  if (path.length > from.length && from.every((token, index) => token === path[index])) {
    throw refuse('nothing can be moved into itself')
  }
  return add(remove(document, from, refuse, emptied), path, found(document, from, refuse), refuse)
}

const found = (document: unknown, path: Pointer, refuse: Refuse): unknown =>
  path.reduce<unknown>((value, token, depth) => {
    const child = childOf(value, token)
    if (child === undefined) throw refuse(`there is nothing at ${shown(path.slice(0, depth + 1))}`)
    return child
  }, document)

const childOf = (value: unknown, token: string): unknown => {
  if (Array.isArray(value)) return isIndex(token) ? value[Number(token)] : undefined
  return isObject(value) && Object.hasOwn(value, token) ? value[token] : undefined
}

/** "Leading zeros are not allowed." */
const isIndex = (token: string): boolean => /^(?:0|[1-9]\d{0,8})$/.test(token)

const shown = (path: Pointer): string =>
  path.map(token => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

/**
 * "The object itself or an array containing it does need to exist, and it remains an error for that not to be the case." FHIR leaves out empty lists,
 * so the refusal says how one is begun: https://www.rfc-editor.org/rfc/rfc6902#section-4.1
 */
const add = (document: unknown, path: Pointer, value: unknown, refuse: Refuse): unknown =>
  changed(document, path, isFirstItem(document, path) ? beginningOf(path, refuse) : refuse, (container, token) => {
    if (!Array.isArray(container)) return { ...container, [token]: value }
    const index = token === '-' ? container.length : isIndex(token) ? Number(token) : Number.NaN
    if (!(index <= container.length)) throw refuse(`a list of ${container.length} has no place ${token}`)
    return container.toSpliced(index, 0, value)
  }) ?? value

const isFirstItem = (document: unknown, path: Pointer): boolean => {
  const [list, place] = path.slice(-2)
  if (list === undefined || (place !== '-' && place !== '0')) return false
  const parent = path.slice(0, -2).reduce<unknown>(childOf, document)
  return isObject(parent) && !Object.hasOwn(parent, list)
}

const beginningOf =
  (path: Pointer, refuse: Refuse): Refuse =>
  reason =>
    refuse(`${reason}; a list that is not there yet is added whole, as the value of ${shown(path.slice(0, -1))}`)

const put = (document: unknown, path: Pointer, value: unknown, refuse: Refuse): unknown =>
  changed(document, path, refuse, (container, token) =>
    Array.isArray(container) ? container.with(Number(token), value) : { ...container, [token]: value },
  ) ?? value

const remove = (document: unknown, path: Pointer, refuse: Refuse, emptied: Emptied): unknown => {
  found(document, path, refuse)
  const rest = changed(document, path, refuse, (container, token) => {
    const left = without(container, token)
    if (Object.keys(left).length === 0) emptied.add(left)
    return left
  })
  if (rest === undefined) throw refuse('the whole resource cannot be removed')
  return rest
}

const without = (container: Container, token: string): Container => {
  if (Array.isArray(container)) return container.toSpliced(Number(token), 1)
  const { [token]: _, ...others } = container
  return others
}

type Container = unknown[] | Record<string, unknown>

/** The document with the innermost list or object of the path replaced; undefined if the path is the document itself. */
const changed = (
  document: unknown,
  path: Pointer,
  refuse: Refuse,
  change: (container: Container, token: string) => Container,
): unknown => {
  const last = path.at(-1)
  if (last === undefined) return undefined
  const parents = path.slice(0, -1)
  const container = found(document, parents, refuse)
  if (!Array.isArray(container) && !isObject(container)) throw refuse(`${shown(parents)} has nothing below it`)
  const within = (value: unknown, depth: number): unknown => {
    const token = parents[depth]
    if (token === undefined) return change(value as Container, last)
    const child = within(childOf(value, token), depth + 1)
    return Array.isArray(value) ? value.with(Number(token), child) : { ...(value as object), [token]: child }
  }
  return within(document, 0)
}

/** A few copies of copies grow beyond all bounds. */
const limited = (document: unknown, refuse: Refuse): unknown => {
  let left = 100_000
  const count = (value: unknown, depth: number): void => {
    if (--left < 0 || depth > deepest) throw refuse('the resource becomes too large')
    if (typeof value !== 'object' || value === null || isNumber(value)) return
    for (const child of Object.values(value)) count(child, depth + 1)
  }
  count(document, 0)
  return document
}

const deepest = 200
