import { escapedText } from '../match/escape.ts'
import { localKey, referredBy, versionIn } from '../match/reference.ts'
import type { Random } from '../random.ts'
import type { Found } from '../values.ts'
import { otherCase } from './token.ts'

/** https://hl7.org/fhir/R4/search.html#reference: `Type/id`, `id`, `url`, `url|version`, and what is not referred to. */
export const deriveReferences = (found: Found, _random: Random): readonly string[] => {
  const referred = referredBy(found)
  if (referred === undefined || referred === '' || referred.startsWith('#')) return []
  const key = localKey(referred)
  if (key === undefined)
    return isUrl.test(referred) ? [`${escapedText(referred)}x`, ...versionsOf(found), escapedText(referred)] : []
  const [type, id = ''] = key.split('/')
  return [key, key, id, id, `${key}x`, `${type}/${otherCase(id)}`, `http://elsewhere.example/${key}`]
}

const versionsOf = (found: Found): readonly string[] => (found.type === 'Reference' ? [] : versionsAround(found))

/** A canonical without a version, with its own, with the beginning of that, and with another one. */
export const versionsAround = (found: Found): readonly string[] => {
  const url = escapedText(referredBy(found) ?? '')
  const version = versionIn(found)
  return [
    url,
    ...['9.9', version, version.replace(/\.[^.]*$/, '')].filter(one => one !== '').map(one => `${url}|${one}`),
  ]
}

const isUrl = /^[a-z][a-z0-9+.-]*:\S+$/i
