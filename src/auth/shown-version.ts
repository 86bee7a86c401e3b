import { createHash } from 'node:crypto'
import { FhirError } from '../fhir/error.ts'

/** The version of what a form shows: it changes with anything in that. */
export const versionOf = (shown: object): string =>
  createHash('sha256').update(JSON.stringify(shown)).digest('base64url')

/** Throws `conflict`, with 412, if the version is no longer the one that was shown. */
export const requireShown = (now: object, version: string): void => {
  if (version !== versionOf(now))
    throw new FhirError('conflict', 'It has been changed since it was shown', { status: 412 })
}
