import { FhirError } from '../../fhir/error.ts'
import type { Limit } from '../../storage/account/attempt.ts'
import { mayWriteTo } from '../../storage/account/letter-limit.ts'
import type { Connection } from '../../storage/database.ts'
import type { Address } from '../../storage/model/patient-address.ts'

type Letters = { readonly organization: string; readonly addresses: readonly Address[] }

/**
 * Nobody is flooded with letters: counts one to each address, and throws FhirError if one of them was written to too often. To be called in the
 * transaction that sends them, once it is sure that it does: what it undoes is not counted, and a button that is pressed twice counts once.
 */
export const countLetters = async (
  connection: Connection,
  secretKey: Uint8Array,
  { organization, addresses }: Letters,
): Promise<void> => {
  for (const { address } of addresses)
    if (!(await mayWriteTo(connection, secretKey, limit, { organization, address }))) throw new FhirError(...tooOften)
}

const limit: Limit = { what: 'invitation', tries: 5, minutes: 60 }

const tooOften = [
  'business-rule',
  'This address was written to five times within an hour: wait before you do it again',
] as const
