import { narrativeFault } from './narrative.ts'

/** The div of an unchanged narrative, if it was stored before today's rules and breaks them: no other change is refused because of it. */
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

/** Takes the place of such a div while the rest is validated. */
export const soundDiv = '<div>kept</div>'
