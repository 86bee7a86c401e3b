import { consentProfile } from '../../src/fhir/canonical.ts'
import { checkProfiles } from '../../src/fhir/profile/profiles.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import type { Json } from '../../src/fhir/validate/walk.ts'

const registry = loadRegistry()

/** Where a Consent is not of the shape that we publish, and by which rule: the key of one of ours, or what else the profile asks. */
export const wrongShape = async (consent: object): Promise<readonly string[]> =>
  (await checkProfiles(registry, consent as Json, [consentProfile], async () => undefined))
    .filter(({ severity }) => severity !== 'warning')
    .map(({ message, expression }) => `${expression}: ${/sharewell-consent-\w+/.exec(message)?.[0] ?? message}`)
