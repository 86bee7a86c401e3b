import { thrownAt } from './bundle/entry-error.ts'
import { referencedEntries } from './bundle/local-reference.ts'
import type { Placed } from './bundle/transaction-claims.ts'
import { existing } from './create.ts'
import type { Context } from './interaction.ts'

/**
 * By fullUrl, what If-None-Exist already finds for entries to which others in the same wave refer. In a circle no entry is written before the
 * others, so it must be known beforehand whether such a name means something that is there, or something that will be created.
 */
export const findExistingAmong = async (
  wave: readonly Placed[],
  context: Context,
): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>()
  const names = new Set(wave.flatMap(({ fullUrl, request }) => (request.headers.ifNoneExist && fullUrl) ?? []))
  const referred = referredAmong(wave, names)
  for (const { index, fullUrl, request } of wave) {
    const { ifNoneExist } = request.headers
    if (ifNoneExist === undefined || fullUrl === undefined || !('type' in request)) continue
    if (!referred.has(fullUrl)) continue
    const criteria = existing(request.type, ifNoneExist, context)
    // If several match, the entry itself will be refused.
    const [match] = await context.store.matches(criteria, 1).catch(thrownAt(index))
    if (match !== undefined) found.set(fullUrl, `${request.type}/${match.id}`)
  }
  return found
}

/** The entries to which others than themselves refer. */
const referredAmong = (wave: readonly Placed[], names: ReadonlySet<string>): ReadonlySet<string> =>
  new Set(
    wave.flatMap(({ request, fullUrl }) =>
      [...referencedEntries(request.body, fullUrl, names)].filter(name => name !== fullUrl),
    ),
  )
