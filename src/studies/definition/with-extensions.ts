import type { Extension, ResearchStudy } from '@medplum/fhirtypes'

/** The study with these extensions and no others; FHIR has no empty lists. */
export const withExtensions = (study: ResearchStudy, extension: readonly Extension[]): ResearchStudy => {
  const { extension: _, ...rest } = study
  return extension.length === 0 ? rest : { ...rest, extension: [...extension] }
}
