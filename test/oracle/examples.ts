import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isResourceType } from '../../src/fhir/definition/resource-type.ts'
import { publishedFolder } from './published.ts'

export type Resource = { readonly resourceType: string; readonly id: string; readonly [element: string]: unknown }

/** `text` is how it is sent, `resource` what the oracle looks at. */
export type Example = { readonly key: string; readonly text: string; readonly resource: Resource }

/**
 * In characters. Larger files are Bundles of definitions, each of which also has a file of its own, and the definitions of whole structures and
 * vocabularies: one file in twenty, but nine tenths of the text and of the time.
 */
const largest = 50_000

/** Numbers with more digits than JavaScript can tell apart, as the server has them. */
const longNumbers = /(?<=:\s*)-?\d+\.\d{12,}(?=\s*[,}])/g

/** The published examples of R4, by `Type/id`. */
export const readExamples = (): readonly Example[] => {
  examples ??= readAll()
  return examples
}
let examples: readonly Example[] | undefined

const readAll = (): readonly Example[] => {
  const files = readdirSync(publishedFolder).filter(file => file.endsWith('.json') && file !== 'package.json')
  const examples = files.map(file => readFileSync(join(publishedFolder, file), 'utf8')).flatMap(toExample)
  return [...new Map(examples.map(example => [example.key, example])).values()]
}

const toExample = (written: string): readonly Example[] => {
  if (written.length > largest) return []
  const text = written.replaceAll(longNumbers, number => String(Number(number)))
  const resource: Resource = JSON.parse(text)
  return isResourceType(resource.resourceType) ? [{ key: keyOf(resource), text, resource }] : []
}

export const keyOf = ({ resourceType, id }: Resource): string => `${resourceType}/${id}`
