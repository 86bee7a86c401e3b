import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import pLimit from 'p-limit'

/** Argon2id with the library's own cost (19 MiB, two passes), as a PHC string. https://www.rfc-editor.org/rfc/rfc9106 */
export const hashPassword = (password: string): Promise<string> => inTurn(() => hash(normal(password), cost))

/** Without a hash it takes as long, and is always false. */
export const isPassword = async (password: string, hashed: string | undefined): Promise<boolean> => {
  decoy ??= hashPassword(randomBytes(32).toString('base64url'))
  const compared = hashed ?? (await decoy)
  const isRight = await inTurn(() => verify(compared, normal(password)))
  return isRight && hashed !== undefined
}

const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

let decoy: Promise<string> | undefined

/** The same characters may be typed as different code points, so they are normalized. https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver */
const normal = (password: string): string => password.normalize('NFKC')

/** Each takes 19 MiB while it runs, so only a few run at once and the others wait. */
const inTurn = pLimit(2)
