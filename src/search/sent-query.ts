import { refusal } from './refusal.ts'

/**
 * A query as it was sent. Throws FhirError for what is percent-encoded in another encoding than UTF-8: it would ask about other letters than were
 * meant, so that If-None-Exist would find nothing, and the same would be stored again.
 */
export const sentQuery = (text: string): URLSearchParams => requireUtf8(new URLSearchParams(text))

/** The same for one that has been read already. */
export const requireUtf8 = (query: URLSearchParams): URLSearchParams => {
  const [name] = [...query].find(entry => entry.some(text => text.includes(unreadable))) ?? []
  if (name === undefined) return query
  throw refusal(name, `What is percent-encoded in "${name}" is not UTF-8, or says U+FFFD, which stands for no letter`)
}

/** A URL is read with it in the place of what is not UTF-8. */
const unreadable = '\uFFFD'
