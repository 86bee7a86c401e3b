import { createHash } from 'node:crypto'

/** Of the bytes that a base64Binary stands for, in base64 without line breaks, as https://hl7.org/fhir/R4/datatypes.html#Attachment has its hash. */
export const digestOf = (algorithm: 'sha1' | 'sha256', base64: string): string =>
  createHash(algorithm).update(Buffer.from(base64, 'base64')).digest('base64')
