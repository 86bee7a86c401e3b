import xxhash from 'xxhash-wasm'

const { h32, h64 } = await xxhash()

/** A 64-bit key for the token index, as a signed bigint of PostgreSQL. A collision costs no more than a recheck. */
export const hash64 = (text: string): bigint => BigInt.asIntN(64, h64(text))

/** A 32-bit key for a search parameter of a type, as PostgreSQL's signed integer. */
export const hash32 = (text: string): number => h32(text) | 0
