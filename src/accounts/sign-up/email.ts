import { toAddress } from '../../storage/account/user-account.ts'
import { hasInvisible } from '../contact/invisible.ts'

export type EmailProblem = 'missing' | 'no-address' | 'invisible'

/** Only finds slips of the hand; whether mail arrives there is known once it has. */
export const emailProblem = (email: string): EmailProblem | undefined => {
  const text = toAddress(email)
  if (text === '') return 'missing'
  if (hasInvisible(text)) return 'invisible'
  return text.length <= 254 && /^[^\s@"<>(),;:\\[\]]{1,64}@[^\s@"<>(),;:\\[\]]+\.[^\s@"<>(),;:\\[\].]{2,}$/.test(text)
    ? undefined
    : 'no-address'
}
