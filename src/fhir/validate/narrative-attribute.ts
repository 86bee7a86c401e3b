/** Attributes of XHTML, and the addresses in them. https://www.w3.org/TR/REC-html40/index/attributes.html */

import { referenceFault, unescaped } from './narrative-character.ts'

/** What is wrong with the text between the name of an element and the end of its tag. */
export const attributesFault = (element: string, text: string): string | undefined => {
  const names = new Set<string>()
  for (let at = 0; ; ) {
    attributeAt.lastIndex = at
    const [start = '', name = '', quote = ''] = attributeAt.exec(text) ?? []
    if (name === '') return restFault(element, text.slice(at))
    const end = text.indexOf(quote, at + start.length)
    if (end < 0) return restFault(element, text.slice(at))
    const fault = attributeFault(element, { name, value: text.slice(at + start.length, end) }, names)
    if (fault !== undefined) return fault
    at = end + 1
  }
}

const attributeAt = /[ \t\r\n]+([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)[ \t\r\n]*=[ \t\r\n]*(["'])/y

const restFault = (element: string, rest: string): string | undefined => {
  const found = rest.replace(/^[ \t\r\n]+/, '').slice(0, 40)
  return found === '' ? undefined : `<${element}> has attributes as name="value" alone, each in quotes, not ${found}`
}

type Attribute = { readonly name: string; readonly value: string }

/** Names are compared in small letters, as browsers do. */
const attributeFault = (element: string, attribute: Attribute, names: Set<string>): string | undefined => {
  const name = attribute.name.toLowerCase()
  if (names.has(name)) return `<${element}> has ${name} twice`
  names.add(name)
  if (name.startsWith('on')) return `<${element}> has a script: neither on… nor javascript: is taken`
  return (
    referenceFault(attribute.value)?.words ??
    namespaceFault(element, attribute) ??
    (addresses.has(name) ? addressFault(element, { name, value: attribute.value }) : undefined)
  )
}

/** Other namespaces may be declared, as transformations leave such `xmlns` behind; but nothing of theirs is allowed. */
const namespaceFault = (element: string, { name, value }: Attribute): string | undefined => {
  const [prefix, local] = name.includes(':') ? name.split(':') : ['', name]
  if (prefix === '')
    return local === 'xmlns' && unescaped(value) !== xhtml ? `xmlns of <${element}> is ${xhtml}` : undefined
  if (prefix === 'xml') return undefined
  const isDeclaration = prefix === 'xmlns' && !/^xml/i.test(local ?? '') && !reserved.test(unescaped(value))
  return isDeclaration ? undefined : `<${element}> has ${name}, which is no attribute of XHTML`
}

const xhtml = 'http://www.w3.org/1999/xhtml'
const reserved = /^(?:$|http:\/\/www\.w3\.org\/(?:XML\/1998\/namespace|2000\/xmlns\/)$)/

const addresses: ReadonlySet<string> = new Set([
  'href',
  'src',
  'cite',
  'longdesc',
  'background',
  'action',
  'formaction',
])

/**
 * An address that a browser would run is as bad as a script. Since nobody knows what else browsers will come to run, only some schemes are
 * allowed.
 */
const addressFault = (element: string, { name, value }: Attribute): string | undefined => {
  const scheme = schemeOf(value)
  if (scheme === undefined || schemes.includes(scheme) || (name === 'src' && image.test(value))) return undefined
  if (scheme === 'javascript') return `<${element}> has a script: neither on… nor javascript: is taken`
  return `the ${name} of <${element}> is a URL of ${scheme.slice(0, 40)}:; taken are relative ones, ${schemes.join(', ')}, and data:image in src`
}

export const schemes = ['http', 'https', 'ftp', 'mailto', 'tel', 'sms', 'urn']
/** R4's own images have a blank there, which browsers ignore. */
const image = /^data: *image\//i

const schemeOf = (value: string): string | undefined =>
  (schemeAt.exec(value) ?? schemeAt.exec(asBrowsersRead(value)))?.[1]?.toLowerCase()

/**
 * "Remove any leading and trailing C0 control or space", "remove all ASCII tab or newline": https://url.spec.whatwg.org/#url-parsing. Here all
 * control characters are removed.
 */
const asBrowsersRead = (value: string): string =>
  unescaped(value)
    .replace(/\p{Cc}/gu, '')
    .trimStart()

const schemeAt = /^([a-z][a-z\d+.-]*):/i
