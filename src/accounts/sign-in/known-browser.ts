/** https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { UserAccount } from '../../storage/account/user-account.ts'

/** Whose browser it is. Another password makes all browsers strange again: whoever knew the old one may have come to know some. */
type Holder = Pick<UserAccount, 'person' | 'password'>

/**
 * The cookie of a browser in which the holder has just signed in with their password. `before`: the one that it had, with others who sign in there.
 */
export const knownBrowserCookie = (secretKey: Uint8Array, before: string, holder: Holder): string => {
  const known = marksIn(before)
  const own = known.find(isOf(secretKey, holder)) ?? newMark(secretKey, holder)
  return [own, ...known.filter(mark => mark !== own)].slice(0, mostHolders).join(separator)
}

/** By what the tries in this browser at the holder's password are counted; undefined if they have never signed in with it. */
export const knownBrowser = (secretKey: Uint8Array, cookie: string, holder: Holder | undefined): string | undefined => {
  // Compared for nobody as well, so that it always takes the same time.
  const own = marksIn(cookie).find(isOf(secretKey, holder ?? nobody))
  return holder?.password === undefined ? undefined : own
}

const nobody: Holder = { person: '' }

/** A random name, and its signature for one holder. Nobody else can tell whose it is. */
const newMark = (secretKey: Uint8Array, holder: Holder): string => {
  const name = randomBytes(nameBytes).toString('base64url')
  return `${name}${signatureOf(secretKey, holder, name)}`
}

const isOf =
  (secretKey: Uint8Array, holder: Holder) =>
  (mark: string): boolean => {
    const [name, signature] = [mark.slice(0, nameLength), mark.slice(nameLength)]
    return timingSafeEqual(Buffer.from(signatureOf(secretKey, holder, name)), Buffer.from(signature))
  }

const signatureOf = (secretKey: Uint8Array, { person, password = '' }: Holder, name: string): string =>
  createHmac('sha256', secretKey).update(`known browser ${person} ${name} ${password}`).digest('base64url')

/** Whoever has signed in last comes first. */
const marksIn = (cookie: string): readonly string[] =>
  cookie
    .split(separator)
    .filter(mark => form.test(mark))
    .slice(0, mostHolders)

const separator = '.'
const nameBytes = 16
const nameLength = 22
const form = /^[\w-]{65}$/

/** At a computer that many people share, those who have signed in last. */
const mostHolders = 20
