import { randomBytes } from 'node:crypto'

type Reviver = Parameters<typeof JSON.parse>[1]

/**
 * JSON.parse, but with every name as it is written. V8 takes a name for one that it has met before, if that has as many letters, and these are
 * what the new one begins with before its escapes are resolved: once there was a name of only a backslash, it reads `{"\n": 1}` as having that,
 * even in the JSON of somebody else. So names with escapes are not shown to it. (Node 24.21)
 */
export const parseText = (text: string, reviver?: Reviver): unknown =>
  hasEscapedName(text) ? parseEscaped(text, reviver) : JSON.parse(text, reviver)

/** From one string with escapes to the next. */
const hasEscapedName = (text: string): boolean => {
  for (let at = text.indexOf('\\'); at >= 0; ) {
    const end = endOfString(text, at)
    if (isName(text, end)) return true
    at = text.indexOf('\\', end)
  }
  return false
}

const parseEscaped = (text: string, reviver: Reviver): unknown => {
  try {
    const { told, names } = withStandIns(text)
    return named(JSON.parse(told, reviver), names)
  } catch (error) {
    // It is not JSON, and what is said of that is about the text itself.
    if (error instanceof SyntaxError) JSON.parse(text)
    throw error
  }
}

/** By what stands for it in the text. */
type Names = ReadonlyMap<string, string>

const withStandIns = (text: string): { readonly told: string; readonly names: Names } => {
  // Not to be guessed, so that no name in the text can be taken for one of these.
  const mark = randomBytes(6).toString('base64url')
  const standIns = new Map<string, string>()
  const standInFor = (quoted: string): string => {
    const standIn = standIns.get(quoted) ?? `${mark}${standIns.size}`
    standIns.set(quoted, standIn)
    return standIn
  }
  const parts: string[] = []
  let from = 0
  for (let start = text.indexOf('"'); start >= 0; ) {
    const end = endOfString(text, start)
    const quoted = text.slice(start, end)
    if (quoted.includes('\\') && isName(text, end)) {
      parts.push(text.slice(from, start), `"${standInFor(quoted)}"`)
      from = end
    }
    start = text.indexOf('"', end)
  }
  const names = new Map([...standIns].map(([quoted, standIn]) => [standIn, String(JSON.parse(quoted))]))
  return { told: parts.join('') + text.slice(from), names }
}

/** Behind the closing quote of the string that has begun at `inside` or before, or the end of the text if there is none. */
const endOfString = (text: string, inside: number): number => {
  for (let end = text.indexOf('"', inside + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let first = end
    while (text[first - 1] === '\\') first -= 1
    if ((end - first) % 2 === 0) return end + 1
  }
  return text.length
}

const isName = (text: string, end: number): boolean => {
  colon.lastIndex = end
  return colon.test(text)
}

const colon = /\s*:/y

/** Puts the names into all objects, however deep they are. */
const named = (root: unknown, names: Names): unknown => {
  const around: unknown[] = [root]
  const waiting: object[] = [around]
  const follow = (member: unknown, replace: (child: object) => void): void => {
    if (typeof member !== 'object' || member === null) return
    const child = Array.isArray(member) ? member : withNames(member, names)
    if (child !== member) replace(child)
    waiting.push(child)
  }
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    const holder = value
    if (Array.isArray(holder))
      for (const [at, member] of holder.entries()) follow(member, child => holder.splice(at, 1, child))
    else for (const [name, member] of Object.entries(holder)) follow(member, child => put(holder, name, child))
  }
  return around[0]
}

/** The object itself if it has none of them; else one with its members in their order. */
const withNames = (object: object, names: Names): object => {
  const members = Object.entries(object)
  if (!members.some(([name]) => names.has(name))) return object
  const renamed = {}
  for (const [name, member] of members) put(renamed, names.get(name) ?? name, member)
  return renamed
}

/** Not by assignment: a property may be called __proto__. */
const put = (object: object, name: string, value: unknown): void => {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}
