import { toAddress } from '../../storage/account/user-account.ts'

export type EmailProblem = 'missing' | 'no-address'

/** Only finds slips of the hand; whether mail arrives there is known once it has. */
export const emailProblem = (email: string): EmailProblem | undefined => {
  const text = toAddress(email)
  if (text === '') return 'missing'
  return text.length <= 254 && /^[^\s@"<>(),;:\\[\]]{1,64}@[^\s@"<>(),;:\\[\]]+\.[^\s@"<>(),;:\\[\].]{2,}$/.test(text)
    ? undefined
    : 'no-address'
}
