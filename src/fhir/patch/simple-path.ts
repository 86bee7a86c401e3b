import { loadFhirpath } from '../fhirpath.ts'

/** What selects elements, and takes no time. */
export const functions: ReadonlySet<string> = new Set([
  ...['where', 'extension', 'ofType', 'as', 'is', 'first', 'last', 'tail', 'skip', 'take', 'single'],
  ...['exists', 'empty', 'count', 'not', 'startsWith', 'endsWith', 'contains'],
])

/**
 * Whether the path selects by these functions alone, as fhirpath.js reads it, which lets names stand in backticks and comments
 * anywhere. By a variable such as %context each condition would begin at the resource again, for each element once more.
 */
export const isSimplePath = (path: string): boolean => path.length <= 1000 && isSimple(parsed(path))

/** Of fhirpath.js, whose typings do not tell its members. */
type Node = { readonly type: string; readonly text?: string; readonly children?: readonly Node[] }

/** What cannot be parsed is refused where it is to be carried out, with what is wrong with it. */
const parsed = (path: string): Node => {
  try {
    return loadFhirpath().engine.parse(path) as Node
  } catch {
    return { type: 'Unreadable' }
  }
}

const isSimple = ({ type, text = '', children = [] }: Node): boolean =>
  type !== 'ExternalConstant' && (type !== 'Functn' || functions.has(text)) && children.every(isSimple)
