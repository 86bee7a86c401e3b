import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parseJson } from '../../src/fhir/json.ts'

/** A published resource; `name` identifies it in messages. */
export type Example = { readonly name: string; readonly resource: Readonly<Record<string, unknown>> }

const folder = join(import.meta.dirname, '..', '..', '..', 'shared', 'data')

/** For tap: a reason to skip, or false if the published examples are beside the project. */
export const withoutExamples = existsSync(folder) ? false : 'the published examples are not beside this project'

export const keyExamples = (): Example[] => ndjson('fhir-r4-examples/key-resources.ndjson')

export const allExamples = (): Example[] =>
  tarEntries(gunzipSync(readFileSync(join(folder, 'fhir-r4-examples/hl7.fhir.r4.examples-4.0.1-instances.tar.gz'))))

export const syntheticExamples = (): Example[] => {
  const files = readdirSync(join(folder, 'synthea-r4'), { recursive: true, encoding: 'utf8' }).sort()
  return files.flatMap(file => {
    if (file.endsWith('.ndjson.gz')) return ndjson(join('synthea-r4', file))
    return file.endsWith('.json.gz') ? [toExample(readText(join('synthea-r4', file)))] : []
  })
}

const ndjson = (file: string): Example[] => readText(file).split('\n').filter(Boolean).map(toExample)

const readText = (file: string): string => {
  const bytes = readFileSync(join(folder, file))
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
}

const toExample = (text: string): Example => {
  const resource = parseJson(text) as Example['resource']
  return { name: `${resource.resourceType}/${resource.id}`, resource }
}

/** https://www.gnu.org/software/tar/manual/html_node/Standard.html: a header of 512 bytes, then the file in blocks of 512. */
const tarEntries = (bytes: Buffer): Example[] => {
  const found: Example[] = []
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8)
    const name = bytes.toString('utf8', at, at + 100).replace(/\0.*$/s, '')
    if (name.endsWith('.json') && !name.endsWith('package.json'))
      found.push(toExample(bytes.toString('utf8', at + 512, at + 512 + size)))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return found
}
