import type { Coding } from '@medplum/fhirtypes'
import { systems } from '../../fhir/canonical.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'

/** The coding of a kind, by the code of its schema. */
export const codingOf = (kind: string, classes: CodeClasses): Coding => {
  const isPublished = ({ system, code }: { readonly system?: string; readonly code: string }) =>
    code === kind && (system === systems.omh || system === systems.ieee)
  const systemOf = kind.startsWith('ieee:') ? systems.ieee : systems.omh
  const own = classes.spellings(kind).filter(isPublished)
  return { system: own.some(({ system }) => system === systemOf) ? systemOf : (own[0]?.system ?? systemOf), code: kind }
}
