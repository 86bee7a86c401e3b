import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const folder = join(import.meta.dirname, '..', '..', '..', 'shared', 'data')

/** Whether the recordings of today's clients are beside the project. */
export const isRecorded = existsSync(join(folder, 'jhe'))

export const recordedText = (path: string): string => {
  const bytes = readFileSync(join(folder, path))
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
}

// biome-ignore lint/suspicious/noExplicitAny: tests read into any part of it
type Json = any

export type Recorded = {
  readonly method?: string
  readonly url: string
  readonly status?: number
  readonly json?: Json
}

/** Requests of the jupyterhealth-client, with their answers. */
export const recordedResponses = (): readonly Recorded[] =>
  parseYaml(recordedText('jhe/jupyterhealth-client-mock-responses.yaml'))

/**
 * Paths of what is in the recorded answer and missing, or of another type, in ours. A list is compared by its first element; nothing is known of what
 * was recorded as null or empty.
 */
export const missingFrom = (ours: Json, recorded: Json, path = ''): readonly string[] => {
  if (recorded === null || recorded === undefined) return []
  if (Array.isArray(recorded)) {
    const isThere = Array.isArray(ours) && (recorded.length === 0 || ours.length > 0)
    return isThere ? missingFrom(ours[0], recorded[0], `${path}[]`) : [path]
  }
  if (typeof recorded !== 'object') return typeof ours === typeof recorded ? [] : [path]
  return Object.keys(recorded).flatMap(name => missingFrom(ours?.[name], recorded[name], `${path}.${name}`))
}

/** As much of YAML as the recordings use: blocks by indentation, and strings. */
const parseYaml = (text: string): Json => {
  const lines = text
    .split('\n')
    .filter(line => line.trim() !== '' && !line.trim().startsWith('#'))
    .map(line => ({ indent: line.search(/\S/), text: line.trim() }))
  return blockAt(lines, 0)[0]
}

type Line = { readonly indent: number; readonly text: string }

/** The value that begins at the line, and the line after it. */
const blockAt = (lines: Line[], start: number): readonly [value: Json, end: number] => {
  const { indent = 0, text = '' } = lines[start] ?? {}
  const isList = text.startsWith('- ')
  const list: Json[] = []
  const map: Record<string, Json> = {}
  let at = start
  while (lines[at]?.indent === indent && lines[at]?.text.startsWith('- ') === isList) {
    if (isList) {
      lines[at] = { indent: indent + 2, text: lines[at]?.text.slice(2) ?? '' }
      const [value, end] = blockAt(lines, at)
      list.push(value)
      at = end
    } else {
      const [, name = '', scalar = ''] = /^([^:]+):(?: (.*))?$/.exec(lines[at]?.text ?? '') ?? []
      const [value, end] = valueAt(lines, at, scalar)
      map[name] = value
      at = end
    }
  }
  return [isList ? list : map, at]
}

const valueAt = (lines: Line[], at: number, scalar: string): readonly [value: Json, end: number] => {
  const { indent = 0 } = lines[at] ?? {}
  const isDeeper = (line: Line | undefined) =>
    line !== undefined && (line.indent > indent || (line.indent === indent && line.text.startsWith('- ')))
  if (scalar === '|-') {
    const end = lines.findIndex((line, index) => index > at && line.indent <= indent)
    const last = end < 0 ? lines.length : end
    return [
      lines
        .slice(at + 1, last)
        .map(({ text }) => text)
        .join('\n'),
      last,
    ]
  }
  if (scalar !== '') return [scalarOf(scalar), at + 1]
  return isDeeper(lines[at + 1]) ? blockAt(lines, at + 1) : [null, at + 1]
}

const scalarOf = (text: string): Json => {
  const known: Readonly<Record<string, Json>> = { true: true, false: false, '[]': [], '{}': {} }
  if (text in known) return known[text]
  if (/^-?\d+$/.test(text)) return Number(text)
  return /^'.*'$/.test(text) ? text.slice(1, -1) : text
}
