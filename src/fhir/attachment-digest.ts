import { createHash } from 'node:crypto'

/**
 * The digest of the bytes that a base64Binary means, in base64 without line breaks, as in the hash of
 * https://hl7.org/fhir/R4/datatypes.html#Attachment
 */
export const digestOf = (algorithm: 'sha1' | 'sha256', base64: string): string =>
  createHash(algorithm).update(Buffer.from(base64, 'base64')).digest('base64')
