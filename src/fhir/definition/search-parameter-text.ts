import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../registry.ts'
import { readDefinitions } from './definition-file.ts'
import type { SearchParameter } from './search-parameter.ts'

/** Reads the descriptions of all parameters, R4's and ours. They take some megabytes while they are held, and only documentation needs them. */
export const readParameterTexts = (
  registry: Registry,
): ((parameter: SearchParameter, type: ResourceType) => string) => {
  const texts = new Map<string, string>()
  const own = registry.definitions('SearchParameter') as readonly Described[]
  for (const { url, description = '' } of [
    ...readDefinitions<Described>('search-parameters.json', ['SearchParameter']),
    ...own,
  ]) {
    texts.set(url, description.trim())
  }
  return ({ url }, type) => ofType(texts.get(url) ?? '', type)
}

type Described = { readonly resourceType: string; readonly url: string; readonly description?: string }

/** If several types share a parameter, there is a line for each: `* [Patient](patient.html): …`. */
const ofType = (text: string, type: ResourceType): string =>
  new RegExp(`^\\* \\[${type}\\]\\([^)]*\\): (.*)$`, 'm').exec(text)?.[1]?.trim() ?? text
