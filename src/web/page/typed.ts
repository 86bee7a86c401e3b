/** A form with long texts, however many of its letters a browser writes as six or nine characters: `%C3%BC` is one. */
export const longForm = { bodyLimit: 524_288 } as const

/**
 * What was typed into a field of the form; the empty text where it was not sent, or more than once. A control character, which comes
 * along unseen with what is pasted and which no text of FHIR may hold, is a space.
 */
export const typed = (body: unknown, name: string): string => withoutControls(typedSecret(body, name))

/** The same letter by letter, as passwords are compared. */
export const typedSecret = (body: unknown, name: string): string => {
  const value = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
  return typeof value === 'string' ? value : ''
}

/** What is typed into a form that looks for something, which stands in the address: its beginning, a control character a space as well. */
export const lookedFor = (query: URLSearchParams, name: string): string =>
  withoutControls(query.get(name) ?? '')
    .trim()
    .slice(0, 200)

const withoutControls = (text: string): string => text.replace(/[^\P{Cc}\t\r\n]+/gu, ' ')

/** The values of the boxes of this name that were ticked. */
export const ticked = (body: unknown, name: string): readonly string[] => {
  const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
  return [value].flat().filter(one => typeof one === 'string')
}
