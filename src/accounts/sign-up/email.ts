export type EmailProblem = 'missing' | 'no-address'

/** Whether mail could go there is known when it has arrived; this finds slips of the hand. */
export const emailProblem = (email: string): EmailProblem | undefined => {
  const text = email.trim()
  if (text === '') return 'missing'
  return text.length <= 254 && /^[^\s@"<>(),;:\\[\]]{1,64}@[^\s@"<>(),;:\\[\]]+\.[^\s@"<>(),;:\\[\].]{2,}$/.test(text)
    ? undefined
    : 'no-address'
}
