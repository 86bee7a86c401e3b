import { FhirError } from '../fhir/error.ts'
import { cursorName } from '../search/result-parameter.ts'
import type { Cursor } from './cursor.ts'
import type { Context } from './interaction.ts'

/** What a request asks for: its own parameters from the start, or those of the `next` link it came by, further on. */
export const openPage = async (
  query: URLSearchParams,
  path: string,
  { cursors }: Pick<Context, 'cursors'>,
): Promise<{ readonly query: URLSearchParams; readonly page: string | undefined }> => {
  const [cursor, ...others] = query.getAll(cursorName)
  if (cursor === undefined) return { query, page: undefined }
  if (others.length > 0 || new Set(query.keys()).size > 1) {
    throw new FhirError('invalid', `${cursorName} stands alone: it names the whole search already`, {
      expression: cursorName,
    })
  }
  const opened = await cursors.open(cursor, path)
  return { query: new URLSearchParams(opened.query), page: opened.page }
}

/** The `next` link: it says nothing of what was asked. */
export const cursorUrl = async (cursor: Cursor, { base, cursors }: Pick<Context, 'base' | 'cursors'>) =>
  `${base}/${cursor.path}?${cursorName}=${await cursors.seal(cursor)}`
