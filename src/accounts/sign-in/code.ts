import { withAsciiDigits } from '../../messages/ascii-digits.ts'
import { forgetTries, type Limit, mayTry } from '../../storage/account/attempt.ts'
import {
  countRecoveryCodes,
  findSecondFactor,
  useRecoveryCode,
  useTimeStep,
} from '../../storage/account/second-factor.ts'
import { unseal } from '../../storage/secret/sealed.ts'
import type { Accounts } from '../accounts.ts'
import { tell } from '../tell.ts'
import { recoveryCodeOf, timeStepOf } from './authenticator.ts'
import { type Doubt, recordDoubt } from './doubt.ts'

/**
 * Checks a code from the person's app, or one for when that is lost, and records a refused try. Each is right only once, even if it is sent several
 * times at once.
 */
export const useCode = async (accounts: Accounts, person: string, typed: string): Promise<'right' | Doubt> => {
  const answer = await tried(accounts, person, typed)
  if (answer !== 'right') await recordDoubt(accounts.database, person, answer)
  return answer
}

const tried = async (accounts: Accounts, person: string, typed: string): Promise<'right' | Doubt> => {
  if (typed.trim() === '') return 'missing'
  const { database, secretKey } = accounts
  for (const limit of [codeTries, codeTriesOfDay])
    if (!(await mayTry(database, secretKey, limit, person))) {
      await warn(accounts, person)
      return 'too-often'
    }
  if (!(await isOfApp(accounts, person, typed)) && !(await isOfRecovery(accounts, person, typed))) return 'wrong'
  await forgetTries(database, secretKey, codeTries, person)
  return 'right'
}

const codeTries: Limit = { what: 'code', tries: 10, minutes: 15 }

/**
 * At any time, three of a million codes are right. With ten tries a quarter of an hour, somebody who knows the password would find one in a few
 * years. So there is also a limit that the person's own sign-ins do not reset.
 */
const codeTriesOfDay: Limit = { what: 'code of the day', tries: 50, minutes: 24 * 60 }

/** Warns at most once a day. */
const warn = async (accounts: Accounts, person: string): Promise<void> => {
  const { database, secretKey } = accounts
  const warnings: Limit = { what: 'warning of codes', tries: 1, minutes: 24 * 60 }
  if (await mayTry(database, secretKey, warnings, person)) await tell(accounts, person, { kind: 'codes-tried' })
}

const isOfApp = async ({ database, secretKey }: Accounts, person: string, typed: string): Promise<boolean> => {
  const { authenticator } = await findSecondFactor(database, person)
  if (authenticator === undefined) return false
  const secret = await unseal(secretKey, 'authenticators', authenticator)
  const timeStep = timeStepOf(secret, digitsOf(typed), Date.now())
  return timeStep !== undefined && useTimeStep(database, person, { authenticator, timeStep })
}

/** Apps show the code in two groups, pasted text can have invisible marks, and some keyboards write other digits. */
export const digitsOf = (typed: string): string => withAsciiDigits(typed).replace(/[^\p{L}\p{N}]/gu, '')

const isOfRecovery = async (accounts: Accounts, person: string, typed: string): Promise<boolean> => {
  const code = recoveryCodeOf(typed)
  if (code === undefined || !(await useRecoveryCode(accounts.database, person, code))) return false
  await tell(accounts, person, {
    kind: 'recovery-code-used',
    left: await countRecoveryCodes(accounts.database, person),
  })
  return true
}
