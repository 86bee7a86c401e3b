/**
 * Where to go on after signing in: a path of this server and nothing else, as it will be understood; undefined where it is
 * not one. https://url.spec.whatwg.org: browsers read `/\evil.example` and `/.//evil.example` as other hosts.
 */
export const continuePath = (text: string): string | undefined => {
  if (!text.startsWith('/')) return undefined
  const url = URL.parse(text, here)
  if (url === null || url.origin !== here || url.pathname.startsWith('//')) return undefined
  return `${url.pathname}${url.search}`
}

/** A host that nobody has. https://www.rfc-editor.org/rfc/rfc6761#section-6.4 */
const here = 'http://here.invalid'
