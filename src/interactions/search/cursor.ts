import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { type Caller, oncePerCaller } from '../../access/caller.ts'
import { FhirError } from '../../fhir/error.ts'

/** What a `next` link continues. Sealed, it can be read and changed by nobody, and used only by the caller for whom it was made. */
export type Cursor = {
  /** Which list it pages through: a type, or an instance's history. */
  readonly path: string
  /** The parameters that were applied, as a query string. */
  readonly query: string
  /** The store's own cursor. */
  readonly page: string
}

/** The cursors of one caller. */
export type Cursors = {
  readonly seal: (cursor: Cursor) => string
  /** Throws `invalid` for whatever `seal` did not make for this caller and path, or made too long ago. */
  readonly open: (text: string, path: string) => Cursor
}

/** JSON Web Encryption, `dir` with A256GCM, under a key of its own. https://www.rfc-editor.org/rfc/rfc7516 */
export const openCursors = (secretKey: Uint8Array, now: () => number = Date.now) => {
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', secretKey, '', 'search cursor', 32)))
  return oncePerCaller((caller): Cursors => {
    const bearer = fingerprintOf(caller)
    return {
      seal: cursor => seal(JSON.stringify({ ...cursor, bearer, expires: now() + lifetimeMs }), key),
      open: (text, path) => {
        const sealed = unseal(text, key)
        if (sealed.bearer !== bearer || sealed.path !== path || sealed.expires < now()) throw unknownCursor()
        return sealed
      },
    }
  })
}

const lifetimeMs = 24 * 60 * 60 * 1000

const headerOf = (more: object): string =>
  Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', ...more })).toString('base64url')
const header = headerOf({})
/** A long text is compressed first. https://www.rfc-editor.org/rfc/rfc7516#section-4.1.3 */
const zippedHeader = headerOf({ zip: 'DEF' })
const longFrom = 2000

/** Done at once, and not on another thread as WebCrypto (and so jose) would: every page has a link, of only a few hundred bytes. */
const seal = (text: string, key: KeyObject): string => {
  const [header, plain] = sealing(text)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(header))
  const content = Buffer.concat([cipher.update(plain), cipher.final()])
  const parts = [nonce, content, cipher.getAuthTag()].map(part => part.toString('base64url'))
  return `${header}..${parts.join('.')}`
}

const sealing = (text: string): readonly [header: string, plain: Buffer] => {
  const plain = Buffer.from(text)
  return plain.length < longFrom ? [header, plain] : [zippedHeader, deflateRawSync(plain)]
}

type Sealed = Cursor & { readonly bearer: string; readonly expires: number }

const unseal = (text: string, key: KeyObject): Sealed => {
  const [given, , ...parts] = text.split('.')
  const [nonce = none, content = none, tag = none] = parts.map(part => Buffer.from(part, 'base64url'))
  try {
    if (given !== header && given !== zippedHeader) throw new Error('not one of this server')
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 }).setAAD(Buffer.from(given))
    const plain = Buffer.concat([decipher.setAuthTag(tag).update(content), decipher.final()])
    return JSON.parse((given === header ? plain : inflateRawSync(plain)).toString())
  } catch (cause) {
    throw unknownCursor(cause)
  }
}

const none = Buffer.alloc(0)

const unknownCursor = (cause?: unknown) =>
  new FhirError('invalid', 'This _cursor is not known here: it belongs to another caller or search, or has expired', {
    expression: '_cursor',
    cause,
  })

/** Who the caller is and what the token may do, so that a narrower token of the same person cannot use the cursor of a wider one. */
const fingerprintOf = ({ principal, client, practitioner, patient, scopes, study }: Caller): string => {
  const granted = scopes.map(({ context, type, actions, query }) => [context, type, [...actions].sort(), query ?? null])
  const identity = [principal.kind, principal.id, client.id, practitioner ?? null, patient ?? null, study ?? null]
  return createHash('sha256')
    .update(JSON.stringify([identity, granted]))
    .digest('base64url')
}
