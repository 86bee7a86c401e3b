import { loadFhirpath } from '../fhirpath.ts'

/** Functions that select elements, and take no time. */
export const functions: ReadonlySet<string> = new Set([
  ...['where', 'extension', 'ofType', 'as', 'is', 'first', 'last', 'tail', 'skip', 'take', 'single'],
  ...['exists', 'empty', 'count', 'not', 'startsWith', 'endsWith', 'contains'],
])

/**
 * Whether the path uses only these functions, as fhirpath.js reads it: names may be in backticks, and comments anywhere. A variable such as
 * %context would make each condition begin at the resource again, once for each element.
 */
export const isSimplePath = (path: string): boolean => path.length <= 1000 && isSimple(parsed(path))

/** A node of fhirpath.js, whose typings lack these members. */
type Node = { readonly type: string; readonly text?: string; readonly children?: readonly Node[] }

/** A path that cannot be parsed is refused when it is to be carried out, with the reason. */
const parsed = (path: string): Node => {
  try {
    return loadFhirpath().engine.parse(path) as Node
  } catch {
    return { type: 'Unreadable' }
  }
}

const isSimple = ({ type, text = '', children = [] }: Node): boolean =>
  type !== 'ExternalConstant' && (type !== 'Functn' || functions.has(text)) && children.every(isSimple)
