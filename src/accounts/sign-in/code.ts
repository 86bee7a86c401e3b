import { withAsciiDigits } from '../../messages/ascii-digits.ts'
import { forgetTries, type Limit, mayTry } from '../../storage/account/attempt.ts'
import {
  countRecoveryCodes,
  findSecondFactor,
  useRecoveryCode,
  useTimeStep,
} from '../../storage/account/second-factor.ts'
import type { Connection } from '../../storage/database.ts'
import { unseal } from '../../storage/secret/sealed.ts'
import type { Accounts } from '../accounts.ts'
import { tell } from '../tell.ts'
import { recoveryCodeOf, timeStepOf } from './authenticator.ts'
import { type Doubt, recordDoubt } from './doubt.ts'

/** What a code lets somebody do, in the transaction in which it is used up. It answers undefined if that is no longer possible. */
export type Allowed<Done> = {
  readonly run: Run<Done>
  /** Opens the transaction, and answers what `run` does. */
  readonly begin: (run: Run<Done>) => Promise<Done | undefined>
}

type Run<Done> = (connection: Connection) => Promise<Done | undefined>

type Tried<Done> =
  | { readonly kind: 'right'; readonly done: Done | undefined; readonly isRecovery: boolean }
  | { readonly kind: Doubt }

/**
 * Checks a code from the person's app, or one for when that is lost, and records a refused try. Each is right only once, even if it is sent several
 * times at once, and is used up only together with what it allows: whoever is told to come again can send it again.
 */
export const useCode = async <Done>(
  accounts: Accounts,
  person: string,
  typed: string,
  allowed: Allowed<Done>,
): Promise<Tried<Done>> => {
  const answer = await tried(accounts, person, typed, allowed)
  if (answer.kind !== 'right') await recordDoubt(accounts.database, person, answer.kind)
  return answer
}

const tried = async <Done>(
  accounts: Accounts,
  person: string,
  typed: string,
  allowed: Allowed<Done>,
): Promise<Tried<Done>> => {
  if (typed.trim() === '') return { kind: 'missing' }
  const { database, secretKey } = accounts
  for (const limit of [codeTries, codeTriesOfDay])
    if (!(await mayTry(database, secretKey, limit, person))) {
      await warn(accounts, person)
      return { kind: 'too-often' }
    }
  const used: { left: number | 'of the app' | 'wrong' } = { left: 'wrong' }
  const done = await allowed.begin(async connection => {
    const inside = { database: connection, secretKey }
    used.left = (await isOfApp(inside, person, typed)) ? 'of the app' : await useRecovery(connection, person, typed)
    if (used.left === 'wrong') return undefined
    await forgetTries(connection, secretKey, codeTries, person)
    return allowed.run(connection)
  })
  const { left } = used
  if (left === 'wrong') return { kind: 'wrong' }
  if (left !== 'of the app') await tell(accounts, person, { kind: 'recovery-code-used', left })
  return { kind: 'right', done, isRecovery: left !== 'of the app' }
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

type Inside = Pick<Accounts, 'secretKey'> & { readonly database: Connection }

const isOfApp = async ({ database, secretKey }: Inside, person: string, typed: string): Promise<boolean> => {
  const { authenticator } = await findSecondFactor(database, person)
  if (authenticator === undefined) return false
  const secret = await unseal(secretKey, 'authenticators', authenticator)
  const timeStep = timeStepOf(secret, digitsOf(typed), Date.now())
  return timeStep !== undefined && useTimeStep(database, person, { authenticator, timeStep })
}

/** Apps show the code in two groups, pasted text can have invisible marks, and some keyboards write other digits. */
export const digitsOf = (typed: string): string => withAsciiDigits(typed).replace(/[^\p{L}\p{N}]/gu, '')

/** How many are left. */
const useRecovery = async (connection: Connection, person: string, typed: string): Promise<number | 'wrong'> => {
  const code = recoveryCodeOf(typed)
  if (code === undefined || !(await useRecoveryCode(connection, person, code))) return 'wrong'
  return countRecoveryCodes(connection, person)
}
