/**
 * The first language that is asked for and served, or else English. A region that is not served does not matter: `es-MX` gets `es`, and `pt-PT`
 * gets `pt-BR` if that is all there is; another script does. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
 */
export const preferredLanguage = (acceptLanguage: string, served: readonly string[]): string => {
  const asked = acceptLanguage.split(',').flatMap(part => {
    const [range = '', ...parameters] = part.trim().split(';')
    const quality = Number(parameters.map(one => /^\s*q=([\d.]+)$/.exec(one)?.[1]).find(Boolean) ?? 1)
    const code = quality > 0 ? servedAs(range, served) : undefined
    return code === undefined ? [] : { code, quality }
  })
  return asked.toSorted((one, other) => other.quality - one.quality)[0]?.code ?? 'en'
}

const servedAs = (range: string, served: readonly string[]): string | undefined => {
  const subtags = range.toLowerCase().split('-')
  const tags = subtags.map((_, index) => subtags.slice(0, subtags.length - index).join('-'))
  const exact = tags.flatMap(tag => served.find(code => code.toLowerCase() === tag) ?? [])[0]
  const likely = likelyOf(range)
  return exact ?? (likely === undefined ? undefined : served.find(code => likelyOf(code) === likely))
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
