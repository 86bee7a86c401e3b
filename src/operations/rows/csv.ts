import { type Options, stringify } from 'csv-stringify/sync'
import { openGiveWay } from '../../fhir/give-way.ts'

/** A number in the digits in which it was sent, or what it is only known to be above or below. */
type Decimal = { readonly digits: string; readonly comparator?: string }
export type Cell = string | Decimal | undefined

/**
 * Makes sure that spreadsheets take no cell for a formula, but a negative number for a number, and that a line break of any kind stays in its
 * cell and does not end the row. So does what many of them take for the end of a cell beside the comma.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
const cellOptions: Options = {
  escape_formulas: true,
  quoted_match: /[;\t]/,
  quote_record_delimiter: true,
  cast: { object: ({ digits }) => ({ value: String(digits), escape_formulas: false }) },
}

const decimalCell = ({ comparator, digits }: Decimal): string => [comparator, digits].filter(Boolean).join(' ')

/** Lines of CSV. */
export const csv = (rows: Rows): string => linesOf(rows, { ...cellOptions, record_delimiter: 'windows' })

/** The same, each ending by a line feed alone. */
export const unixCsv = (rows: Rows): string => linesOf(rows, cellOptions)

type Rows = readonly (readonly Cell[])[]

const linesOf = (rows: Rows, options: Options): string =>
  stringify(
    rows.map(row => row.map(plain)),
    options,
  )

/**
 * A number without a sign cannot be taken for a formula. As plain text it needs no options of its own, which the library takes long to prepare.
 * The library does not know that a line feed may begin a formula, too.
 */
const plain = (cell: Cell): Cell => {
  if (typeof cell === 'object')
    return cell.comparator === undefined && !/^\d/.test(cell.digits) ? cell : decimalCell(cell)
  return cell?.startsWith('\n') ? `'${cell}` : cell
}

/** Lines of many rows, some hundred rows at a time, so that other requests are answered in between. */
export const csvInTurns = async function* (rows: Iterable<readonly Cell[]>, lines: typeof csv): AsyncGenerator<string> {
  const giveWay = openGiveWay()
  let some: (readonly Cell[])[] = []
  for (const row of rows) {
    some.push(row)
    if (some.length < rowsAtOnce) continue
    yield lines(some)
    some = []
    await giveWay()
  }
  if (some.length > 0) yield lines(some)
}

/** Each call of the CSV library costs about as much as one row. */
const rowsAtOnce = 500

/** The byte order mark, by which spreadsheets recognise UTF-8. */
export const utf8Mark = '\ufeff'
