import { FhirError } from '../../fhir/error.ts'
import { cursorName, isPresentationName } from '../../search/result-parameter.ts'
import type { Context } from '../interaction.ts'
import type { Cursor } from './cursor.ts'

/**
 * What a request asks for: on the first page its own parameters, and further on those of the `next` link that it came by. Beside a cursor, only the
 * size and the format of the page may be given: MedplumClient adds a `_count` to every link without one.
 */
export const openPage = async (
  query: URLSearchParams,
  path: string,
  { cursors }: Pick<Context, 'cursors'>,
): Promise<{ readonly query: URLSearchParams; readonly page: string | undefined }> => {
  const [cursor, ...others] = query.getAll(cursorName)
  if (cursor === undefined) return { query, page: undefined }
  if (others.length > 0 || [...query.keys()].some(name => !isBesideCursor(name))) {
    const beside = '_count, _format and _pretty'
    throw new FhirError('invalid', `${cursorName} names the whole search already: beside it only ${beside} may stand`, {
      expression: cursorName,
    })
  }
  const opened = cursors.open(cursor, path)
  const asked = new URLSearchParams(opened.query)
  const count = query.get('_count')
  if (count !== null) asked.set('_count', count)
  return { query: asked, page: opened.page === firstPage ? undefined : opened.page }
}

const isBesideCursor = (name: string): boolean => name === cursorName || name === '_count' || isPresentationName(name)

/** `Cursor.page` of a link back to the beginning. */
export const firstPage = ''

/** A URL and all headers may have 65536 bytes together (`mostHeaderBytes`), and clients send some. */
export const mostLinkBytes = 61_440

/** A link to another page. It reveals nothing of what was asked but the format. Throws FhirError if it would be too long to be followed. */
export const cursorUrl = async (cursor: Cursor, { base, cursors }: Pick<Context, 'base' | 'cursors'>) => {
  const path = cursor.path === '' ? base : `${base}/${cursor.path}`
  const query = new URLSearchParams([...new URLSearchParams(cursor.query)].filter(([name]) => isPresentationName(name)))
  const url = `${path}?${cursorName}=${cursors.seal(cursor)}${query.size === 0 ? '' : `&${query}`}`
  if (url.length <= mostLinkBytes) return url
  throw new FhirError(
    'too-costly',
    `There are further pages, and a link to them would have to say all that was asked: ${url.length} bytes, of at most ${mostLinkBytes}. Ask in parts, with fewer values, or for all of it in one page, by a larger _count`,
    { status: 400 },
  )
}
