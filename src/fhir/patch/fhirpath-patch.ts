import type { Structures } from '../definition/structure.ts'
import { FhirError } from '../error.ts'
import { isObject, jsonText, toNumber } from '../json.ts'
import { dropEmptyBeside, holderBeside } from './beside.ts'
import type { Emptied } from './emptied.ts'
import { mostOperations } from './json-patch.ts'
import { elementBelow, holderOf, type Json, type Location, locate } from './location.ts'
import { malformed, partsOf } from './operation-parts.ts'
import { addChild, insertInto, keyFor, listAt, patchValueOf, removeFrom } from './patch-value.ts'
import { functions, isSimplePath } from './simple-path.ts'

/**
 * https://hl7.org/fhir/R4/fhirpatch.html
 * Throws FhirError, 400 if it is no patch, 422 for an operation that cannot be carried out; the document itself is never changed.
 */
export const parseFhirpathPatch = (
  structures: Structures,
  body: Json,
): ((document: unknown, emptied?: Emptied) => unknown) => {
  const { parameter = [] } = body
  if (!Array.isArray(parameter)) throw malformed('A FHIRPath Patch has a list of operations', 'parameter')
  const other = Object.keys(body).find(name => !parametersMembers.has(name))
  if (other !== undefined) throw malformed(`Parameters have no ${other}`, other)
  if (parameter.length > mostOperations)
    throw new FhirError('too-costly', `A patch has ${mostOperations} operations at most`, { status: 400 })
  const operations = parameter.map(parseOperation)
  return (document, emptied = new Set()) => {
    const changed = copyOf(document) as Json
    let left = mostWork
    for (const operation of operations) {
      left -= weightOf(changed) * operation.path.length
      if (left < 0) throw new FhirError('too-costly', tooMuchWork, { status: 400 })
      carryOut(structures, changed, operation, emptied)
    }
    dropEmptyBeside(changed)
    return changed
  }
}

/** Without operations nothing is changed; with a misspelled one that would be a surprise. */
const parametersMembers: ReadonlySet<string> = new Set([
  'resourceType',
  'id',
  'meta',
  'implicitRules',
  'language',
  'parameter',
])

type Operation = {
  readonly index: number
  readonly type: string
  readonly path: string
  /** The parts of the operation by name. */
  readonly parts: ReadonlyMap<string, Json>
}

const parseOperation = (parameter: unknown, index: number): Operation => {
  const { name, part } = isObject(parameter) ? parameter : {}
  if (name !== 'operation' || !Array.isArray(part)) {
    throw malformed('Each parameter of a FHIRPath Patch is an operation with parts', `parameter[${index}]`)
  }
  const parts = partsOf(part, index)
  const type = jsonText(parts.get('type')?.valueCode)
  const path = parts.get('path')?.valueString
  if (!Object.hasOwn(actions, type)) {
    const known = Object.keys(actions).join(', ')
    throw malformed(
      `Operation ${index} of the patch: its type is one of ${known}, as a valueCode`,
      `parameter[${index}]`,
    )
  }
  if (typeof path !== 'string' || !isSimplePath(path)) {
    throw malformed(
      `Operation ${index} of the patch: its path is a FHIRPath, as a valueString, with no variables, and no functions but ${[...functions].join(', ')}`,
      `parameter[${index}]`,
    )
  }
  return { index, type, path, parts }
}

/**
 * The limit for the work of all operations, since each character of a path may look at each value. It takes less than a second, during which
 * nobody else is answered.
 */
const mostWork = 10_000_000
const tooMuchWork =
  'The resource is too large for so many operations: send fewer, by shorter paths, or the whole resource'

const weightOf = (value: unknown): number => {
  if (typeof value === 'string') return 1 + value.length / 100
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum, child) => sum + weightOf(child), 1)
}

const carryOut = (structures: Structures, resource: Json, operation: Operation, emptied: Emptied): void => {
  const { index, type, path } = operation
  try {
    actions[type]?.({ ...operation, structures, resource, emptied, found: locate(structures, resource, path) })
  } catch (cause) {
    if (cause instanceof FhirError) throw cause
    const message = `Operation ${index} of the patch (${type} ${path}): ${cause instanceof Error ? cause.message : ''}`
    throw new FhirError('processing', message, { expression: `Parameters.parameter[${index}]`, cause })
  }
}

type Acting = Operation & {
  readonly structures: Structures
  readonly resource: Json
  readonly emptied: Emptied
  readonly found: readonly Location[]
}

/** Each changes the resource in place, or throws SyntaxError with the reason. */
const actions: Readonly<Record<string, (acting: Acting) => void>> = {
  add: acting => addBelow(acting, onlyOf(acting.found), nameIn(acting)),
  insert: acting => {
    if (acting.found.length === 0) {
      insertFirst(acting)
      return
    }
    const { parent, key, location } = listOf(acting.found)
    const index = numberOf(acting, 'index', listAt(parent, key).length)
    insertInto(parent, key, index, patchValueOf(acting.structures, partOf(acting, 'value'), location.element))
  },
  /** "No error if the path does not exist." */
  delete: ({ found, emptied }) => {
    if (found.length === 0) return
    const place = placeOf(onlyOf(found))
    removeAt(place)
    if (Object.keys(place.parent).length === 0) emptied.add(place.parent)
  },
  replace: acting => {
    const location = onlyOf(acting.found)
    const { parent, key, index } = placeOf(location)
    const value = patchValueOf(acting.structures, partOf(acting, 'value'), location.element)
    removeAt({ parent, key, ...(index === undefined ? {} : { index }) })
    if (index === undefined) addChild(parent, location.element, value)
    else insertInto(parent, key, index, value)
  },
  move: acting => {
    const { parent, key } = listOf(acting.found)
    const last = listAt(parent, key).length - 1
    const [source, destination] = [numberOf(acting, 'source', last), numberOf(acting, 'destination', last)]
    const value = itemAt(parent[key], source)
    const extra = itemAt(parent[`_${key}`], source)
    removeFrom(parent, key, source)
    insertInto(parent, key, destination, { value, extra })
  },
}

const nameIn = (acting: Acting): string => {
  const name = partOf(acting, 'name').valueString
  if (typeof name === 'string') return name
  throw new SyntaxError('its name is that of an element, as a valueString')
}

const addBelow = (acting: Acting, target: Location, name: string): void => {
  const element = elementBelow(acting.structures, target, name)
  if (element === undefined) throw new SyntaxError(`${target.type} has no element ${name}`)
  const parent = holderOf(target) ?? holderBeside(placeOf(target))
  const added = patchValueOf(acting.structures, partOf(acting, 'value'), element)
  const key = keyFor(element, added)
  if (!element.repeats && hasAny(parent, key)) throw new SyntaxError(`there is a ${name} already: replace it`)
  addChild(parent, element, added)
}

/** "The index […] SHALL be equal or less than the number of elements in the list." FHIR leaves out a list of none, so that its path finds nothing. */
const insertFirst = (acting: Acting): void => {
  const { structures, resource, path } = acting
  const [, above = String(resource.resourceType), name = ''] = /^(?:(.+)\.)?([A-Za-z]+)$/s.exec(path) ?? []
  const target = onlyOf(locate(structures, resource, above))
  if (elementBelow(structures, target, name)?.repeats !== true) throw new SyntaxError('it means no list')
  numberOf(acting, 'index', 0)
  addBelow(acting, target, name)
}

const onlyOf = (found: readonly Location[]): Location => {
  const [only] = found
  if (only === undefined) throw new SyntaxError('there is no such element')
  if (found.length > 1) throw new SyntaxError(`it means ${found.length} elements; name one`)
  return only
}

const placeOf = ({ place }: Location): NonNullable<Location['place']> => {
  if (place === undefined) throw new SyntaxError('the resource itself stays')
  return place
}

/** The list that the found items are in. */
const listOf = (found: readonly Location[]) => {
  const [location] = found
  if (location === undefined) throw new SyntaxError('there is no such list')
  const { parent, key, index } = placeOf(location)
  if (index === undefined || found.some(one => one.place?.parent !== parent || one.place.key !== key)) {
    throw new SyntaxError('it means no list')
  }
  return { parent, key, location }
}

const partOf = ({ parts }: Operation, name: string): Json => {
  const part = parts.get(name)
  if (part === undefined) throw new SyntaxError(`it has no ${name}`)
  return part
}

const numberOf = (operation: Operation, name: string, most: number): number => {
  const number = toNumber(partOf(operation, name).valueInteger)
  if (Number.isInteger(number) && number >= 0 && number <= most) return number
  throw new SyntaxError(`its ${name} is a valueInteger from 0 to ${most}`)
}

const removeAt = ({ parent, key, index }: NonNullable<Location['place']>): void => {
  if (index !== undefined) {
    removeFrom(parent, key, index)
    return
  }
  delete parent[key]
  delete parent[`_${key}`]
}

const itemAt = (list: unknown, index: number): unknown => (Array.isArray(list) ? (list[index] ?? undefined) : undefined)

const hasAny = (parent: Json, key: string): boolean => key in parent || `_${key}` in parent

const copyOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(copyOf)
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, copyOf(child)]))
}
