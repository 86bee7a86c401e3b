import { createHmac } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Shown } from './browser.ts'

/** The key that a set-up page shows, in base32. */
export const keyIn = ({ body }: Pick<Shown, 'body'>): string => {
  const [, key] = /<code>([A-Z2-7 ]{39})<\/code>/.exec(body) ?? []
  if (key === undefined) throw new Error(`no key in: ${body}`)
  return key.replaceAll(' ', '')
}

/** What an authenticator with the key shows so many half minutes from now, computed without the library. https://www.rfc-editor.org/rfc/rfc6238 */
export const codeOf = async (key: string, halfMinutes = 0): Promise<string> => {
  await settled()
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + halfMinutes))
  const hmac = createHmac('sha1', fromBase32(key)).update(counter).digest()
  const value = hmac.readUInt32BE((hmac.at(-1) ?? 0) & 0xf) & 0x7fffffff
  return String(value % 1_000_000).padStart(6, '0')
}

/** So that the half minute does not end before the code arrives. */
const settled = async (): Promise<void> => {
  const left = 30_000 - (Date.now() % 30_000)
  if (left < 3000) await setTimeout(left)
}

const fromBase32 = (text: string): Buffer => {
  const bits = [...text]
    .map(one => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(one).toString(2).padStart(5, '0'))
    .join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map(byte => Number.parseInt(byte, 2)))
}
