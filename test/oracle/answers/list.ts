import type { Example, Resource } from '../examples.ts'
import { keyOf } from '../examples.ts'
import { knownInvalid } from '../known-invalid.ts'
import { localKey } from '../match/reference.ts'
import type { Random } from '../random.ts'

type Entry = { readonly item: { readonly reference?: string }; readonly deleted?: boolean }

/** Lists of any resources, some of which were removed again. One of the invalid examples has an id that no reference can name. */
export const makeLists = (examples: readonly Example[], random: Random): readonly Example[] => {
  const valid = examples.filter(({ key }) => !(key in knownInvalid))
  return Array.from({ length: 8 }, (_, index) => {
    const entry = random.some(valid, 40).map(({ key }): Entry => {
      const item = { reference: key }
      return random.chance(0.2) ? { item, deleted: true } : { item }
    })
    const resource: Resource = { resourceType: 'List', id: `made-${index}`, status: 'current', mode: 'changes', entry }
    return { key: keyOf(resource), text: JSON.stringify(resource), resource }
  })
}

/** "all the resources that are referenced in the List"; one that is `deleted` no longer counts. https://hl7.org/fhir/R4/search.html#list */
export const keysOnList = ({ entry = [] }: Resource & { readonly entry?: readonly Entry[] }): ReadonlySet<string> =>
  new Set(
    entry
      .filter(({ deleted }) => deleted !== true)
      .map(({ item }) => localKey(item.reference ?? ''))
      .filter(key => key !== undefined),
  )
