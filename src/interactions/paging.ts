import { FhirError } from '../fhir/error.ts'
import { cursorName } from '../search/result-parameter.ts'
import type { Cursor } from './cursor.ts'
import type { Context } from './interaction.ts'

/**
 * What a request asks for: its own parameters from the start, or those of the `next` link it came by, further on.
 * Beside the cursor only the size of the page may be asked anew, and how it looks: MedplumClient adds a `_count` to every link without
 * one.
 */
export const openPage = async (
  query: URLSearchParams,
  path: string,
  { cursors }: Pick<Context, 'cursors'>,
): Promise<{ readonly query: URLSearchParams; readonly page: string | undefined }> => {
  const [cursor, ...others] = query.getAll(cursorName)
  if (cursor === undefined) return { query, page: undefined }
  if (others.length > 0 || [...query.keys()].some(name => !besideCursor.has(name))) {
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

const looks = ['_format', '_pretty'] as const
const besideCursor: ReadonlySet<string> = new Set([cursorName, '_count', ...looks])

/** The page of a cursor that leads back to the beginning. */
export const firstPage = ''

/** A link to another page: it says nothing of what was asked, but for how it is to look. */
export const cursorUrl = async (cursor: Cursor, { base, cursors }: Pick<Context, 'base' | 'cursors'>) => {
  const path = cursor.path === '' ? base : `${base}/${cursor.path}`
  const query = new URLSearchParams([...new URLSearchParams(cursor.query)].filter(([name]) => isLook(name)))
  return `${path}?${cursorName}=${cursors.seal(cursor)}${query.size === 0 ? '' : `&${query}`}`
}

const isLook = (name: string): boolean => looks.some(look => look === name)
