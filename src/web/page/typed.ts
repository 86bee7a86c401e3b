import { beginning } from '../../fhir/beginning.ts'
import { FieldError } from './field-error.ts'

/** For a form with long texts, even if the browser writes many of their letters as six or nine characters: `%C3%BC` is one letter. */
export const longForm = { bodyLimit: 524_288 } as const

/**
 * The text that was typed into a field; empty if the field was not sent. Control characters, which come invisibly with pasted text and are not
 * allowed in FHIR, become spaces. Throws FieldError if it was sent more than once or as a file: an empty field often means "without a limit" or
 * "anybody", and nobody has said that.
 */
export const typed = (body: unknown, name: string): string => withoutControls(typedSecret(body, name))

/** The same, unchanged letter by letter, for comparing passwords. */
export const typedSecret = (body: unknown, name: string): string => {
  const value = valueIn(body, name) ?? ''
  if (typeof value !== 'string') throw new FieldError(name)
  return value
}

/** The text that was typed into a search form, from the address: only its beginning, and also with spaces for control characters. */
export const lookedFor = (query: URLSearchParams, name: string): string =>
  beginning(withoutControls(query.get(name) ?? '').trim(), 200)

const withoutControls = (text: string): string => text.replace(/[^\P{Cc}\t\r\n]+/gu, ' ')

/** The values of the ticked boxes with this name. */
export const ticked = (body: unknown, name: string): readonly string[] =>
  [valueIn(body, name)].flat().filter(one => typeof one === 'string')

const valueIn = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
