import type { CodeableConcept, Extension } from '@medplum/fhirtypes'
import { extensions, systems } from '../canonical.ts'
import { extensionOf } from '../extension.ts'

/** What a value is: measured (once, or as the sum of all measurements), the average of several measurements, or another figure made from them. */
export type Statistic = 'measured' | 'average' | 'other'

/** From the extension that is made of a document's `descriptive_statistic`; the value of an Observation without it was measured. */
export const statisticOf = (observation: Extended): Statistic => {
  const concept = conceptOf(observation)
  if (concept === undefined) return 'measured'
  return [concept.text, ...codesOf(concept)].map(word => known[word ?? '']).find(one => one !== undefined) ?? 'other'
}

/** What the extension says in words; undefined if there is none. */
export const statisticWords = (observation: Extended): string | undefined => {
  const concept = conceptOf(observation)
  return concept && (concept.text ?? codesOf(concept)[0])
}

type Extended = { readonly extension?: readonly Extension[] }

const known: Readonly<Record<string, Statistic | undefined>> = { sum: 'measured', average: 'average' }

const conceptOf = (observation: Extended): CodeableConcept | undefined => {
  const found = extensionOf(observation, extensions.descriptiveStatistic)
  return found && extensionOf(found, 'statistic')?.valueCodeableConcept
}

const codesOf = ({ coding = [] }: CodeableConcept): readonly (string | undefined)[] =>
  coding.filter(({ system }) => system === systems.observationStatistics).map(({ code }) => code)
