import { isDeepStrictEqual } from 'node:util'
import type { Figures } from './expected.ts'

/** Writes down the story, and compares each of its figures with what must come back. */
export type Book = {
  readonly chapter: (title: string) => void
  readonly line: (text: string) => void
  /** Writes who asked what and what came back. A difference is kept, and shown at once. */
  readonly expect: <T>(scene: Scene<T>) => void
  /** How many figures were compared, and what was wrong. */
  readonly checked: () => number
  readonly failures: () => readonly string[]
}

type Scene<T> = {
  readonly who: string
  readonly asked: string
  readonly got: T
  readonly wanted: T
  /** The value in words; absent: the value itself. */
  readonly told?: string
  readonly durationMs?: number
}

export const openBook = (write: (text: string) => void): Book => {
  const failures: string[] = []
  let checked = 0
  const line = (text: string) => write(`${text}\n`)
  return {
    chapter: title => line(`\n${title}\n${'─'.repeat(title.length)}`),
    line,
    expect: ({ who, asked, got, wanted, told, durationMs }) => {
      checked += 1
      const took = durationMs === undefined ? '' : `  ${tellDuration(durationMs)}`
      line(`  ${who}\n    ${asked}\n      → ${told ?? tellAny(got)}${took}`)
      if (isDeepStrictEqual(got, wanted)) return
      const failure = `${who}, ${asked}: expected ${tellAny(wanted)}, got ${tellAny(got)}`
      failures.push(failure)
      line(`      ✗ expected ${tellAny(wanted)}`)
    },
    checked: () => checked,
    failures: () => failures,
  }
}

export const tellDuration = (durationMs: number): string =>
  durationMs < 1000 ? `${Math.max(1, Math.round(durationMs))} ms` : `${(durationMs / 1000).toFixed(1)} s`

export const tellCount = (count: number): string => count.toLocaleString('en-US')

export const tellFigures = ({ count, people, mean }: Figures, unit = ''): string => {
  if (count === 0) return '0 Observations'
  const of = `${tellCount(count)} Observations of ${people} ${people === 1 ? 'person' : 'people'}`
  return mean === undefined ? of : `${of}, mean ${mean.toFixed(2)} ${unit}`.trimEnd()
}

const tellAny = (value: unknown): string => (typeof value === 'number' ? tellCount(value) : JSON.stringify(value))
