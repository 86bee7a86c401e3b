import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { type CountryCode, isSupportedCountry } from 'libphonenumber-js/max'

// Each takes the text of a variable and returns its value, or undefined if it is not accepted.

export function wholeNumber(low: number, high: number) {
  return (text: string): number | undefined => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    return value >= low && value <= high ? value : undefined
  }
}

export function matching(pattern: RegExp) {
  return (text: string): string | undefined => (pattern.test(text) ? text : undefined)
}

export function oneOf<const T extends string>(...of: readonly T[]) {
  return (text: string): T | undefined => of.find(one => one === text)
}

/** The address of this server. Its pages and what they link to are at the root of a host, so it cannot have a path. */
export function hostAddress(text: string): string | undefined {
  const address = baseAddress(text)
  return address === undefined || URL.parse(address)?.pathname !== '/' ? undefined : address
}

function baseAddress(text: string): string | undefined {
  const url = URL.parse(text)
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
  return isPlain && url.username === '' ? url.href.replace(/(?<!\/)\/+$/, '') : undefined
}

export function proxies(text: string): readonly string[] | undefined {
  if (text === 'none') return []
  const given = text.split(',').map(proxy => proxy.trim())
  return given.every(isProxy) ? given : undefined
}

function isProxy(text: string): boolean {
  const [address = '', bits = '0', ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0) return ['loopback', 'linklocal', 'uniquelocal'].includes(text)
  return more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
}

/** A password that is not percent-encoded may end at a sign in it: the rest would be a path, which errors tell, or a fragment. */
export function postgresUrl(text: string): string | undefined {
  const url = URL.parse(text)
  const isWhole = url !== null && url.hash === '' && /^[^@]*$/.test(url.pathname) && isPercentEncoded(text)
  return isWhole && /^postgres(ql)?:$/.test(url.protocol) ? text : undefined
}

export function smtpUrl(text: string): string | undefined {
  const url = URL.parse(text)
  const isWhole = url !== null && url.hash === '' && /^\/?$/.test(url.pathname)
  return text === 'none' || text === 'log' || (isWhole && /^smtps?:$/.test(url.protocol)) ? text : undefined
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

export function keyOf32Bytes(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? 'hex' : 'base64')
  return bytes.length === 32 && /^[\w+/-]+=?$/.test(text) ? bytes : undefined
}

export function existingFolder(text: string): string | undefined {
  return statSync(text, { throwIfNoEntry: false })?.isDirectory() ? resolve(text) : undefined
}

export function origins(text: string): '*' | readonly string[] | undefined {
  if (text === '*') return text
  const given = text.split(',').map(origin => origin.trim())
  return given.every(origin => URL.parse(origin)?.origin === origin) ? given : undefined
}

export function outboundOrigins(text: string): readonly string[] | undefined {
  if (text === 'none') return []
  const given = text.split(',').map(origin => origin.trim())
  const isOrigin = (text: string): boolean => {
    const origin = text.replace('://*.', '://any.')
    return text === '*' || (/^https?:/.test(text) && URL.parse(origin)?.origin === origin)
  }
  return given.every(isOrigin) ? given : undefined
}

/** https://openid.net/specs/openid-connect-core-1_0.html#IssuerIdentifier, exactly as it is given. */
export function issuerUrl(text: string): string | undefined {
  return baseAddress(text) === undefined ? undefined : text
}

export function emailDomains(text: string): readonly string[] | undefined {
  if (text === 'none') return []
  const given = text.split(',').map(domain => domain.trim().toLowerCase())
  return given.every(domain => /^([a-z0-9-]+\.)+[a-z0-9-]{2,}$/.test(domain)) ? given : undefined
}

export function httpsUrl(text: string): string | undefined {
  return URL.parse(text)?.protocol === 'https:' ? text : undefined
}

/** The certificates of the file, each in PEM. */
export function signingCertificates(text: string): readonly string[] | undefined {
  if (!statSync(text, { throwIfNoEntry: false })?.isFile()) return undefined
  const blocks = readFileSync(text, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.length > 0 && blocks.every(isSigningCertificate) ? blocks : undefined
}

function isSigningCertificate(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = new X509Certificate(pem).publicKey
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
  } catch {
    return false
  }
}

/** Nothing but an origin, with http or https. */
export function originOnly(text: string): string | undefined {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text ? text : undefined
}

/** Its placeholders must not decide where it leads. */
export function gatewayUrl(text: string): string | undefined {
  const url = URL.parse(text)
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.hash === ''
  return isPlain && text.startsWith(url.origin) && !/[{}]/.test(url.origin) ? text : undefined
}

/** Either JSON with its placeholders inside strings, or a form, which may hold anything. */
export function messageTemplate(text: string): string | undefined {
  if (/\p{Cc}/u.test(text)) return undefined
  return !/^\s*[{[]/.test(text) || isJson(text.replace(/\{(to|text)\}/g, '+')) ? text : undefined
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-5.1 */
export function headerLine(text: string): { readonly name: string; readonly value: string } | undefined {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\x20-\x7e]+)$/.exec(text) ?? []
  return name === undefined || value === undefined ? undefined : { name, value }
}

/** https://www.iso.org/iso-3166-country-codes.html */
export function countryOfNumbers(text: string): CountryCode | undefined {
  return isSupportedCountry(text) ? text : undefined
}
