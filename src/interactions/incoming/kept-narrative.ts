import type { Narrative, Resource } from '@medplum/fhirtypes'
import { narrativeFault } from '../../fhir/validate/narrative.ts'

/** The div of a narrative that stays as it was stored before all was asked of it that is asked now: no other change is refused for it. */
export const keptFault = (stored: Resource, body: unknown): string | undefined => {
  const div = divOf(stored)
  return typeof div === 'string' && div === divOf(body) && narrativeFault(div) !== undefined ? div : undefined
}

const divOf = (resource: unknown): unknown => (resource as { readonly text?: Narrative } | undefined)?.text?.div

export const withDiv = <R extends Resource>(resource: R, div: string): R =>
  ({ ...resource, text: { ...(resource as { readonly text?: Narrative }).text, div } }) as R
