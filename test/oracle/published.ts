import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the files of the package are; throws if it is not installed. */
export const publishedFolder = dirname(fileURLToPath(import.meta.resolve('hl7.fhir.r4.examples/package.json')))

/** What R4 publishes for a type with an id, of any size. */
export const readPublished = (type: string, id: string): unknown => {
  const path = join(publishedFolder, `${type}-${id}.json`)
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}
