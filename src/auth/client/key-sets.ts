import { LRUCache } from 'lru-cache'
import type { Outbound } from '../../messages/outbound.ts'
import type { ClientKey } from './client-key.ts'

/** The JSON Web Key Sets that clients publish at a URL. */
export type KeySets = { readonly find: (url: string, kid: string) => Promise<readonly ClientKey[]> }

/**
 * Sets are cached for as long as Cache-Control allows ("SHALL NOT cache a JWKS for longer than the client's cache-control header indicates"), or
 * for a minute if it says nothing. If a kid is not in the cached set, the set is requested again, but not more often than every few seconds.
 * Throws if the set cannot be had.
 */
export const openKeySets = (outbound: Pick<Outbound, 'send'>): KeySets => {
  const kept = new LRUCache<string, KeySet>({
    maxSize: mostCharacters,
    sizeCalculation: ({ text }, url) => url.length + text.length,
  })
  const underWay = new Map<string, Promise<KeySet>>()
  const ask = (url: string): Promise<KeySet> => {
    const asked =
      underWay.get(url) ??
      fetchKeySet(outbound, url).finally(() => {
        underWay.delete(url)
      })
    underWay.set(url, asked)
    return asked
  }
  const find = async (url: string, kid: string) => {
    const known = kept.get(url)
    if (known !== undefined) {
      const keys = keysIn(known.text)
      const isThere = keys.some(key => key.kid === kid)
      const until = isThere ? known.until : Math.min(known.until, known.askedAt + pauseMs)
      if (performance.now() < until) return keys
    }
    const asked = await ask(url)
    kept.set(url, asked)
    return keysIn(asked.text)
  }
  return { find }
}

/** As it was sent, since a parsed set of empty objects takes twenty times as much memory. */
type KeySet = { readonly text: string; readonly askedAt: number; readonly until: number }

const pauseMs = 5000
const longestSet = 262_144
/** The limit for all sets together: whoever registers a client may name a set, and decides what is in it. */
const mostCharacters = 16 * 1_048_576
const unsaidSeconds = 60
const mostSeconds = 3600

const fetchKeySet = async (outbound: Pick<Outbound, 'send'>, url: string): Promise<KeySet> => {
  const askedAt = performance.now()
  const {
    status,
    body: text,
    header,
  } = await outbound.send({ url, method: 'GET', headers: { accept: 'application/json' } })
  if (status !== 200) throw new Error(`${url} answered ${status}`)
  if (text.length > longestSet) throw new Error(`${url} is longer than ${longestSet} characters`)
  if (!Array.isArray(listIn(text))) throw new Error(`${url} is no JSON Web Key Set`)
  return { text, askedAt, until: askedAt + 1000 * secondsOf(header('cache-control')) }
}

const keysIn = (text: string): readonly ClientKey[] => {
  const isKey = (one: unknown): one is ClientKey => typeof one === 'object' && one !== null
  return [listIn(text)].flat().filter(isKey)
}

const listIn = (text: string): unknown => Object(JSON.parse(text)).keys

const secondsOf = (cacheControl: string | undefined): number => {
  if (cacheControl === undefined) return unsaidSeconds
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return 0
  const [, age] = /\bmax-age="?(\d+)/i.exec(cacheControl) ?? []
  return age === undefined ? unsaidSeconds : Math.min(Number(age), mostSeconds)
}
