import { placeDefinitions, readPlace } from '../definition/definition-file.ts'

export type TerminologyType = 'CodeSystem' | 'ValueSet'

/**
 * One of R4's own code systems and value sets, including those of HL7 v2 and v3. Their places in the files are found when the first is asked for
 * (a tenth of a second); their text is read each time and not kept.
 */
export const findPublished = (type: TerminologyType, url: string): unknown => {
  places ??= placeDefinitions(['valuesets.json', 'v3-codesystems.json', 'v2-tables.json'], ['CodeSystem', 'ValueSet'])
  const place = places.get(`${type}|${url}`)
  return place === undefined ? undefined : readPlace(place)
}
let places: ReturnType<typeof placeDefinitions> | undefined
