import { openMhealthMaps } from '../fhir/measured/open-mhealth-maps.ts'

/** Undefined where the unit is spelled as schemas have it, or means nothing that is known. */
export const unitMeant = (spelled: string, measure: string): string | undefined => {
  const meanings = units.get(spelled) ?? []
  return [measure, undefined].flatMap(of => meanings.find(one => one.measure === of) ?? [])[0]?.unit
}

/** By its spelling, what a unit means, and of which measure alone where it says so: of breaths "/min" are others than of beats. */
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
