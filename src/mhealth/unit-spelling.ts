import { openMhealthMaps } from '../fhir/measured/open-mhealth-maps.ts'

/** Undefined if the unit is spelled as in the schemas, or its meaning is unknown. */
export const unitMeant = (spelled: string, measure: string): string | undefined => {
  const meanings = units.get(spelled) ?? []
  return [measure, undefined].flatMap(of => meanings.find(one => one.measure === of) ?? [])[0]?.unit
}

/** By spelling, what a unit means, and for which measure only, if it says so: "/min" is different for breaths and for beats. */
const units: ReadonlyMap<string, readonly { readonly unit: string; readonly measure: string | undefined }[]> = new Map(
  openMhealthMaps.ucum.group
    .filter(({ source }) => source.endsWith('/open-mhealth-unit-variant'))
    .flatMap(({ element }) =>
      element.map(({ code, target }) => [
        code,
        target.map(one => ({
          unit: one.code,
          measure: one.dependsOn?.find(({ property }) => property === 'measure')?.value,
        })),
      ]),
    ),
)
