import { recordSignIn } from '../../storage/audit/sign-in.ts'
import type { Connection } from '../../storage/database.ts'

/** Why a password or a code does not show that an account is somebody's. What is missing counts as no try. */
export type Doubt = 'missing' | 'wrong' | 'too-often'

/** Records a try as one at signing in, wherever the password or code was asked for: somebody tries to show that the account is theirs. */
export const recordDoubt = async (connection: Connection, person: string, doubt: Doubt): Promise<void> => {
  if (doubt !== 'missing') await recordSignIn(connection, { person, outcome: outcomes[doubt] })
}

const outcomes = { wrong: 401, 'too-often': 429 } as const
