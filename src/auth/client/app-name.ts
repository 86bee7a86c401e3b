import { isBlank } from '../../accounts/blank.ts'

/** Whether whoever is asked by an app could see under this name who asks. */
export const isAppName = (text: unknown): text is string =>
  typeof text === 'string' && !isBlank(text) && /^[^\p{Cc}\p{Cf}]{1,100}$/u.test(text)
