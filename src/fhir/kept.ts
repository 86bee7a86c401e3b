import { createHash, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'

type Keeping = {
  /** Where it is kept; if undefined, it is made each time. */
  readonly folder: string | undefined
  /** The files and folders from which it is made, including its own code. */
  readonly madeOf: readonly string[]
}

type Kept<T> = { readonly state: string; readonly made: T }

/** What `make` makes, or made before if no file has changed since. It must be plain: objects, Maps and Sets. */
export const kept = <T>({ folder, madeOf }: Keeping, make: () => T): T => {
  if (folder === undefined) return make()
  const file = join(folder, `definitions-${digestOf(madeOf.join('\n'))}`)
  const state = stateOf(madeOf)
  const found = read<T>(file)
  if (found?.state === state) return found.made
  const made = make()
  keep<T>(file, { state, made })
  return made
}

/** The state of files, and of all files in folders. It changes as soon as one is written, added or removed. */
export const stateOf = (places: readonly string[]): string =>
  digestOf(
    places
      .flatMap(filesAt)
      .map(file => {
        const { size, mtimeMs } = statSync(file)
        return `${file} ${size} ${mtimeMs}`
      })
      .join('\n'),
  )

const filesAt = (place: string): string[] =>
  statSync(place).isDirectory()
    ? readdirSync(place, { recursive: true, encoding: 'utf8' }).map(name => join(place, name))
    : [place]

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

/** A file that cannot be read counts as absent. */
const read = <T>(file: string): Kept<T> | undefined => {
  try {
    return deserialize(readFileSync(file)) as Kept<T>
  } catch {
    return undefined
  }
}

/** The file is written as a whole or not at all, even if others do the same. If the folder cannot be written, nothing is kept. */
const keep = <T>(file: string, value: Kept<T>): void => {
  try {
    const draft = `${file}.${randomUUID()}`
    writeFileSync(draft, serialize(value), { mode: 0o600 })
    renameSync(draft, file)
  } catch {}
}
