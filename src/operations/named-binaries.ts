import { isGranted } from '../access/rules.ts'
import type { Context } from '../interactions/interaction.ts'
import { parseSearch } from '../search/parse.ts'
import { maxCount } from '../search/result-parameter.ts'
import { roomOfPage } from '../search/room.ts'
import type { Page, Stored } from '../storage/store.ts'

/** Ids of Binaries in JSON: in references, and in the `url` of Attachments, which may begin with the address of this server. */
export const binaryIds = (json: string): readonly string[] => [
  ...new Set([...json.matchAll(binaryAddress)].map(([, id = '']) => id)),
]

const binaryAddress = /[/"]Binary\/([A-Za-z0-9.-]{1,64})["/]/g

/**
 * The page, and with it the Binaries that its matches name, as far as the caller may search them and there is room. No search parameter leads to
 * them: an Attachment has an address, and no reference.
 */
export const withNamedBinaries = async (page: Page, { registry, access, store, base }: Context): Promise<Page> => {
  if (!isGranted(access, 's', 'Binary')) return page
  const there = new Set(page.included.map(({ type, id }) => `${type}/${id}`))
  const ids = page.entries.flatMap(({ content }) => binaryIds(content)).filter(id => !there.has(`Binary/${id}`))
  if (ids.length === 0) return page
  const room = roomOfPage - lettersOf([...page.entries, ...page.included])
  const search = parseSearch(registry, 'Binary', new URLSearchParams({ _count: String(maxCount) }), { base })
  const found = await store.search({
    ...search,
    where: { kind: 'identified', ids: [...new Set(ids)] },
    room: Math.max(room, 0),
  })
  // A page has at least one match, whether there is room for it or not.
  const fits = lettersOf(found.entries) <= room
  return {
    ...page,
    included: fits ? [...page.included, ...found.entries] : page.included,
    leftOut: page.leftOut || !fits || found.next !== undefined,
  }
}

const lettersOf = (resources: readonly Stored[]): number =>
  resources.reduce((sum, { content }) => sum + content.length, 0)
