import { isBlank } from '../../fhir/blank.ts'

/** Whether people could tell by this name which app asks them. */
export const isAppName = (text: unknown): text is string =>
  typeof text === 'string' && !isBlank(text) && /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,100}$/u.test(text)
