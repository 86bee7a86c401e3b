import type { Definitions } from './compile.ts'
import { narrativeFault } from './narrative.ts'
import { requireValid } from './validate.ts'

/** Throws all that is wrong with what comes after what is stored, but for a narrative that stays. */
export const requireValidChange = <R extends object>(definitions: Definitions, stored: object, changed: R): R => {
  requireValid(definitions, keptFault(stored, changed) === undefined ? changed : withDiv(changed, soundDiv))
  return changed
}

/** The div of a narrative that stays as it was stored before all was asked of it that is asked now: no other change is refused for it. */
export const keptFault = (stored: object, changed: unknown): string | undefined => {
  const div = divOf(stored)
  return typeof div === 'string' && div === divOf(changed) && narrativeFault(div) !== undefined ? div : undefined
}

type Told = { readonly text?: { readonly div?: unknown } }

const divOf = (resource: unknown): unknown => (resource as Told | undefined)?.text?.div

export const withDiv = <R extends object>(resource: R, div: string): R => ({
  ...resource,
  text: { ...(resource as Told).text, div },
})

/** For what is judged in the place of one that stays. */
export const soundDiv = '<div>kept</div>'
