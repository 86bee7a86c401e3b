import { extensions } from '../fhir/canonical.ts'
import { mostIssues } from '../fhir/validate/walk.ts'
import type { JsonRecord } from './json-tree.ts'
import type { Repair } from './repair.ts'

/** The first hundred repairs of each code; if there are more, the first says how many: for a long series, they would be longer than the document. */
export const repairExtensions = (repairs: readonly Repair[]): readonly JsonRecord[] => {
  const all = Map.groupBy(repairs, ({ code }) => code)
  const told = new Set([...all.values()].flatMap(ofCode => ofCode.slice(0, mostIssues)))
  return repairs
    .filter(one => told.has(one))
    .map(one => {
      const ofCode = all.get(one.code) ?? []
      return repairExtension(one, ofCode.length > mostIssues && ofCode[0] === one ? ofCode.length : undefined)
    })
}

/** What was read differently, in JSON. */
const repairExtension = ({ code, pointer, before, after }: Repair, count: number | undefined): JsonRecord => ({
  url: extensions.documentRepair,
  extension: [
    { url: 'code', valueCode: code },
    { url: 'pointer', valueString: pointer },
    { url: 'before', valueString: JSON.stringify(before) },
    ...(after === undefined ? [] : [{ url: 'after', valueString: JSON.stringify(after) }]),
    ...(count === undefined ? [] : [{ url: 'count', valueInteger: count }]),
  ],
})
