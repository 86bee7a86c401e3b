import { createHash, randomBytes } from 'node:crypto'
import { sql } from '../sql.ts'

/** 256 random bits as 43 base64url characters, for whoever is to have it. The database gets only the digest. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** Another one that begins with the same character. */
export const newSecretBeside = (secret: string): string => `${secret.slice(0, 1)}${newSecret().slice(1)}`

export const isSecret = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text)

export const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** As it is stored in the database. */
export const hashOf = (secret: string) => sql.binary(digestOf(secret))
