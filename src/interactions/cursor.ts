import { createHash, hkdfSync } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import type { Caller } from '../access/caller.ts'
import { FhirError } from '../fhir/error.ts'

/** What a `next` link continues: nothing of it can be read, changed or used by anyone but the caller it was made for. */
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
  readonly seal: (cursor: Cursor) => Promise<string>
  /** Throws `invalid` for whatever `seal` did not make for this caller and path, or made too long ago. */
  readonly open: (text: string, path: string) => Promise<Cursor>
}

/** JSON Web Encryption, `dir` with A256GCM, under a key of its own. https://www.rfc-editor.org/rfc/rfc7516 */
export const openCursors = (secretKey: Uint8Array, now: () => number = Date.now) => {
  const secret = hkdfSync('sha256', secretKey, '', 'search cursor', 32)
  // Imported once: jose would import raw bytes anew for each link.
  const key = crypto.subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt', 'decrypt'])
  return (caller: Caller): Cursors => {
    const bearer = fingerprintOf(caller)
    return {
      seal: async cursor =>
        new CompactEncrypt(encoder.encode(JSON.stringify({ ...cursor, bearer, expires: now() + lifetimeMs })))
          .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
          .encrypt(await key),
      open: async (text, path) => {
        const sealed = await unseal(text, await key)
        if (sealed.bearer !== bearer || sealed.path !== path || sealed.expires < now()) throw unknownCursor()
        return sealed
      },
    }
  }
}

const lifetimeMs = 24 * 60 * 60 * 1000
const encoder = new TextEncoder()
const decoder = new TextDecoder()

type Sealed = Cursor & { readonly bearer: string; readonly expires: number }

const unseal = async (text: string, key: CryptoKey): Promise<Sealed> => {
  try {
    const { plaintext } = await compactDecrypt(text, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    return JSON.parse(decoder.decode(plaintext))
  } catch (cause) {
    throw unknownCursor(cause)
  }
}

const unknownCursor = (cause?: unknown) =>
  new FhirError('invalid', 'This _cursor is not known here: it belongs to another caller or search, or has expired', {
    expression: '_cursor',
    cause,
  })

/** Who the caller is and what the token may do: a narrower token of the same person gets nowhere with a wider one's cursor. */
const fingerprintOf = ({ principal, client, practitioner, patient, scopes, study }: Caller): string => {
  const granted = scopes.map(({ context, type, actions, query }) => [context, type, [...actions].sort(), query ?? null])
  const identity = [principal.kind, principal.id, client.id, practitioner ?? null, patient ?? null, study ?? null]
  return createHash('sha256')
    .update(JSON.stringify([identity, granted]))
    .digest('base64url')
}
