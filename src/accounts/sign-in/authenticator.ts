import { randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'

/**
 * Time-based one-time passwords, in the form that every authenticator app knows: SHA-1, 6 digits, 30 seconds.
 * https://www.rfc-editor.org/rfc/rfc6238
 */
const codes = { issuer: 'Sharewell', algorithm: 'SHA1', digits: 6, period: 30 } as const

/** A secret in base32, as apps expect it, of 160 bits, as RFC 4226 recommends. */
export const newAuthenticator = (): string => new Secret({ size: 20 }).base32

/** What an app reads from a QR code. https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
export const authenticatorUri = (secret: string, email: string): string =>
  new TOTP({ ...codes, secret, label: email }).toString()

/** The secret for typing, in groups of four. */
export const authenticatorText = (secret: string): string => grouped(secret, ' ')

/** The number of the half minute to which the code belongs: the present one, or the one before or after, since clocks differ. */
export const timeStepOf = (secret: string, code: string, now: number): number | undefined => {
  if (!/^\d{6}$/.test(code)) return undefined
  const delta = new TOTP({ ...codes, secret }).validate({ token: code, timestamp: now, window: 1 })
  return delta === null ? undefined : Math.floor(now / (codes.period * 1000)) + delta
}

/** Codes for when the app is lost: ten of 80 bits each, of letters and digits that are not mistaken for others. */
export const newRecoveryCodes = (): readonly string[] =>
  Array.from({ length: 10 }, () => [...randomBytes(16)].map(byte => alphabet[byte % alphabet.length]).join(''))

/** There are 32, so that all are equally likely for a random byte. */
const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** The code as it is stored, however it was typed; undefined if it is none. */
export const recoveryCodeOf = (typed: string): string | undefined => {
  const code = typed.toUpperCase().replace(/[\s-]/g, '')
  return /^[A-Z2-9]{16}$/.test(code) ? code : undefined
}

/** The code as it is shown. */
export const recoveryCodeText = (code: string): string => grouped(code, '-')

const grouped = (text: string, glue: string): string => text.replace(/.{4}(?=.)/g, `$&${glue}`)
