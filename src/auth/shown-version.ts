import { createHash } from 'node:crypto'
import { FhirError } from '../fhir/error.ts'

/** Of what a form is made of: it changes with anything in it. */
export const versionOf = (shown: object): string =>
  createHash('sha256').update(JSON.stringify(shown)).digest('base64url')

/** Throws `conflict`, with 412, where it is another now than the form was made of. */
export const requireShown = (now: object, version: string): void => {
  if (version !== versionOf(now))
    throw new FhirError('conflict', 'It has been changed since it was shown', { status: 412 })
}
