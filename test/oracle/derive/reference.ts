import { escapedText } from '../match/escape.ts'
import { localKey, referredBy } from '../match/reference.ts'
import type { Random } from '../random.ts'
import type { Found } from '../values.ts'
import { otherCase } from './token.ts'

/** https://hl7.org/fhir/R4/search.html#reference: `Type/id`, `id`, `url`, and what is not referred to. */
export const deriveReferences = (found: Found, _random: Random): readonly string[] => {
  const referred = referredBy(found)
  if (referred === undefined || referred === '' || referred.startsWith('#')) return []
  const key = localKey(referred)
  if (key === undefined) return isUrl.test(referred) ? [escapedText(referred), `${escapedText(referred)}x`] : []
  const [type, id = ''] = key.split('/')
  return [key, key, id, id, `${key}x`, `${type}/${otherCase(id)}`, `http://elsewhere.example/${key}`]
}

const isUrl = /^[a-z][a-z0-9+.-]*:\S+$/i
