import { existing } from './create.ts'
import { inEntry } from './entry-error.ts'
import type { Context } from './interaction.ts'
import { referencedEntries } from './local-reference.ts'
import type { Placed } from './transaction-claims.ts'

/**
 * What is there already of those to be created only where nothing matches, as far as others of the same wave refer to them, by their
 * fullUrls: in a circle nobody is written before the others, so what a name means is looked up first.
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
    const matches = await context.store.matches(existing(request.type, ifNoneExist, context), 2).catch(error => {
      throw inEntry(index, error)
    })
    // Of several that match none is meant, and its own entry is refused for it.
    const [match, another] = matches
    if (match !== undefined && another === undefined) found.set(fullUrl, `${request.type}/${match.id}`)
  }
  return found
}

/** By others than themselves. */
const referredAmong = (wave: readonly Placed[], names: ReadonlySet<string>): ReadonlySet<string> =>
  new Set(
    wave.flatMap(({ request, fullUrl }) =>
      [...referencedEntries(request.body, fullUrl, names)].filter(name => name !== fullUrl),
    ),
  )
