import type { ValueSet } from '@medplum/fhirtypes'
import { canonicalBase, systems } from '../canonical.ts'
import type { CodeClasses, Kind } from './code-class.ts'

/** The codes of each kind as a ValueSet, for `code:in` and for people to read; made from the maps, so that both agree. */
export const kindValueSets = (classes: CodeClasses): readonly ValueSet[] =>
  classes.kinds().map(kind => toValueSet(kind, classes))

export const kindValueSetUrl = (key: string): string => `${canonicalBase}/ValueSet/${idOf(key)}`

const idOf = (key: string): string => `kind-${key.replace(':', '-')}`

const published = new Set<string | undefined>([systems.omh, systems.ieee, systems.loinc, systems.snomed])

const toValueSet = ({ key, display, narrower }: Kind, classes: CodeClasses): ValueSet => {
  const codes = [...classes.spellings(key), ...narrower].filter(({ system }) => published.has(system))
  return {
    resourceType: 'ValueSet',
    id: idOf(key),
    url: kindValueSetUrl(key),
    version: '1.0.0',
    name: display.replaceAll(/[^A-Za-z0-9]/g, ''),
    title: display,
    status: 'active',
    publisher: 'Sharewell',
    description: `All codes under which ${display} is shared, whole or in part`,
    compose: {
      include: [...Map.groupBy(codes, ({ system }) => system ?? '')].map(([system, group]) => ({
        system,
        concept: group.map(({ code }) => ({ code })),
      })),
    },
  }
}
