import { startError } from '../start-error.ts'

type Described<T> = {
  readonly name: string
  readonly accepts: string
  readonly effect: string
  /** The value, or undefined if the text is not accepted. */
  readonly parse: (text: string) => T | undefined
  readonly secret?: boolean
}

/** A variable that has a default. */
export function setting<const T>(variable: Described<T> & { readonly fallback: string }) {
  const { name, effect, fallback } = variable
  return { name, effect, shown: fallback, read: (given: string | undefined): T => parsed(variable, given || fallback) }
}

/** A variable that may be absent: `otherwise` says what happens then. */
export function option<T>(variable: Described<T> & { readonly otherwise: string }) {
  const { name, effect, otherwise } = variable
  const read = (given: string | undefined): T | undefined => (given ? parsed(variable, given) : undefined)
  return { name, effect, shown: otherwise, read }
}

function parsed<T>({ name, accepts, parse, secret }: Described<T>, text: string): T {
  const value = parse(text)
  if (value !== undefined) return value
  throw startError(`${name} is ${secret ? 'set to something else' : JSON.stringify(text)}; it must be ${accepts}`)
}
