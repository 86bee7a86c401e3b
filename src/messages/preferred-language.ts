import Negotiator from 'negotiator'

/**
 * The first language that is asked for and served, or else English. A region that is not served does not matter: `es-MX` gets `es`, and `pt-PT`
 * gets `pt-BR` if that is all there is; another script does. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
 */
export const preferredLanguage = (acceptLanguage: string, served: readonly string[]): string => {
  const asked = new Negotiator({ headers: { 'accept-language': acceptLanguage } }).languages().slice(0, most)
  return asked.flatMap(range => servedAs(range, served) ?? [])[0] ?? 'en'
}

/** More than anybody reads: a header has room for thousands, and each takes its time. */
const most = 50

/** The matching of Negotiator itself knows neither scripts nor that `pt` may be `pt-BR`. */
const servedAs = (range: string, served: readonly string[]): string | undefined => {
  const within = served.filter(code => `${range}-`.toLowerCase().startsWith(`${code}-`.toLowerCase()))
  const likely = likelyOf(range)
  return (
    within.toSorted((one, other) => other.length - one.length)[0] ??
    served.find(code => likely !== undefined && likelyOf(code) === likely)
  )
}

/** The language with its script, whether or not the tag names one; undefined for what is no tag. */
const likelyOf = (tag: string): string | undefined => {
  try {
    const { language, script } = new Intl.Locale(tag).maximize()
    return `${language}-${script}`
  } catch {
    return undefined
  }
}
