import type { Accounts } from '../../accounts/accounts.ts'
import { FhirError } from '../../fhir/error.ts'
import type { Limit } from '../../storage/account/attempt.ts'
import { mayWriteTo, takeBackLetter } from '../../storage/account/letter-limit.ts'
import type { Address } from '../../storage/model/patient-address.ts'

type Letters = { readonly organization: string; readonly addresses: readonly Address[] }

/**
 * Nobody is flooded with letters: does what sends one to each address, unless one of them was written to too often. Then it throws FhirError. If
 * nothing is sent, because `send` answers undefined or throws, nothing is counted.
 */
export const sendFewLetters = async <T>(
  { database, secretKey }: Pick<Accounts, 'database' | 'secretKey'>,
  { organization, addresses }: Letters,
  send: () => Promise<T | undefined>,
): Promise<T | undefined> => {
  const counted: string[] = []
  let sent: T | undefined
  try {
    for (const { address } of addresses) {
      if (!(await mayWriteTo(database, secretKey, limit, { organization, address }))) throw new FhirError(...tooOften)
      counted.push(address)
    }
    sent = await send()
  } finally {
    if (sent === undefined)
      for (const address of counted) await takeBackLetter(database, secretKey, limit, { organization, address })
  }
  return sent
}

const limit: Limit = { what: 'invitation', tries: 5, minutes: 60 }

const tooOften = [
  'business-rule',
  'This address was written to five times within an hour: wait before you do it again',
] as const
