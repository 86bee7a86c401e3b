import { isJson, type Json } from './walk.ts'

/** An element is present if it has a value or, for a primitive, an extension instead. */
export const has = (value: Json, name: string): boolean => value[name] !== undefined || value[`_${name}`] !== undefined

export const lacks = (value: Json, name: string): boolean => !has(value, name)

export const hasAny = (value: Json, ...names: readonly string[]): boolean => names.some(name => has(value, name))

export const countOf = (value: Json, ...names: readonly string[]): number =>
  names.filter(name => has(value, name)).length

/** Whether a choice element is present, with any of its types: `hasChoice(observation, 'value')`. */
export const hasChoice = (value: Json, name: string): boolean => {
  for (const key in value) if (isChoiceKey(key, name)) return true
  return false
}

const isChoiceKey = (key: string, name: string): boolean => {
  const start = key.charCodeAt(0) === underscore ? 1 : 0
  if (!key.startsWith(name, start)) return false
  const next = key.charCodeAt(start + name.length)
  return next >= upperA && next <= upperZ
}
const underscore = 0x5f
const upperA = 0x41
const upperZ = 0x5a

/** The objects in a repeating element; anything else in it is reported elsewhere. */
export const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isJson) : [])

/** Whether there is a coding of this system with one of these codes. */
export const hasCoding = (concept: unknown, system: string, ...codes: readonly string[]): boolean =>
  isJson(concept) &&
  listOf(concept.coding).some(coding => coding.system === system && codes.includes(coding.code as string))
