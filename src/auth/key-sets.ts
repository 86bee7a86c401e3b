import type { Outbound } from '../messages/outbound.ts'
import type { ClientKey } from './client-key.ts'

/** The JSON Web Key Sets that clients publish under a URL. */
export type KeySets = { readonly find: (url: string, kid: string) => Promise<readonly ClientKey[]> }

/**
 * Kept as long as the answer's Cache-Control allows ("SHALL NOT cache a JWKS for longer than the client's cache-control
 * header indicates"), a minute where it says nothing. A kid that is not among the kept ones is asked for anew, not more often
 * than every few seconds. Throws where the set cannot be had.
 */
export const openKeySets = (outbound: Pick<Outbound, 'send'>, now: () => number = Date.now): KeySets => {
  const kept = new Map<string, KeySet>()
  const underWay = new Map<string, Promise<KeySet>>()
  const ask = (url: string): Promise<KeySet> => {
    const asked =
      underWay.get(url) ??
      fetchKeySet(outbound, url, now).finally(() => {
        underWay.delete(url)
      })
    underWay.set(url, asked)
    return asked
  }
  const find = async (url: string, kid: string) => {
    const known = kept.get(url)
    const has = known?.keys.some(key => key.kid === kid) ?? false
    if (known !== undefined && now() < (has ? known.until : Math.min(known.until, known.askedAt + pauseMs)))
      return known.keys
    const asked = await ask(url)
    if (kept.size >= mostSets) kept.clear()
    kept.set(url, asked)
    return asked.keys
  }
  return { find }
}

type KeySet = { readonly keys: readonly ClientKey[]; readonly askedAt: number; readonly until: number }

const pauseMs = 5000
const mostSets = 1000
const unsaidSeconds = 60
const mostSeconds = 3600

const fetchKeySet = async (outbound: Pick<Outbound, 'send'>, url: string, now: () => number): Promise<KeySet> => {
  const askedAt = now()
  const answer = await outbound.send({ url, method: 'GET', headers: { accept: 'application/json' } })
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
  const { keys } = JSON.parse(answer.body) as { readonly keys?: unknown }
  if (!Array.isArray(keys)) throw new Error(`${url} is no JSON Web Key Set`)
  const isKey = (one: unknown): one is ClientKey => typeof one === 'object' && one !== null
  return { keys: keys.filter(isKey), askedAt, until: askedAt + 1000 * secondsOf(answer.header('cache-control')) }
}

const secondsOf = (cacheControl: string | undefined): number => {
  if (cacheControl === undefined) return unsaidSeconds
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return 0
  const [, age] = /\bmax-age="?(\d+)/i.exec(cacheControl) ?? []
  return age === undefined ? unsaidSeconds : Math.min(Number(age), mostSeconds)
}
