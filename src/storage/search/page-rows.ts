import { conjuncts } from '../../search/expression.ts'
import type { Connection } from '../database.ts'
import { isByName } from './by-name.ts'
import { type Amount, type ManyPatients, ofFew } from './many-patients.ts'
import { type AskedPage, pageByPatient, pageOfFirst, pageStatement } from './page-statement.ts'
import type { Source } from './search-source.ts'
import { partsFrom } from './sort-part.ts'

type Searching = { readonly manyPatients: ManyPatients }

/** As many as the page has, and one more. */
export const pageRows = async (
  connection: Connection,
  searching: Searching,
  asked: AskedPage,
  source: Source,
): Promise<readonly PageRow[]> => {
  const { search } = asked
  const rows: PageRow[] = []
  for (const part of partsFrom(search, asked.at)) {
    const count = search.count - rows.length
    if (count >= 0)
      rows.push(
        ...(await rowsOfPart(connection, searching, { ...asked, ...part, search: { ...search, count } }, source)),
      )
  }
  return rows
}

/** Patient by patient if they are few; if they turn out to be many, it is asked again in the order of time. By name, the first are looked at before all others. */
const rowsOfPart = async (
  connection: Connection,
  searching: Searching,
  asked: AskedPage,
  source: Source,
): Promise<readonly PageRow[]> => {
  const few = await ofFew<PageRow & Amount>(connection, searching, source.byPatient, one =>
    pageByPatient(asked, source, one),
  )
  if (few !== undefined) return few.filter(({ pk }) => pk !== null)
  const ask = (source.inOrder ?? source).hasOnePlan ? connection.kept : connection.any
  const first = isByName(asked.search) && isOfMany(asked.search) ? await ask<PageRow>(pageOfFirst(asked, source)) : []
  if (first.length > asked.search.count) return first
  return ask<PageRow>(pageStatement(asked, source))
}

/** Whether nothing is asked for that only few may have. */
const isOfMany = ({ where }: AskedPage['search']): boolean =>
  conjuncts(where).every(({ kind }) => kind === 'all' || kind === 'not')

/** A row of the statement of a page. */
export type PageRow = {
  patient_id: number
  pk: string
  /** A JSON array of texts and nulls, as text: only those of the first and the last row are ever parsed. */
  keys: string
  id: string
  version: number
  last_updated: Date
  kind_id?: number
  content: string | null
}
