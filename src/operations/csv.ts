import { stringify } from 'csv-stringify/sync'

/** A number, in digits as they came. */
type Decimal = { readonly digits: string }
export type Cell = string | Decimal | undefined

/** Lines of CSV. No cell is a formula to a spreadsheet; a number below zero stays a number. https://owasp.org/www-community/attacks/CSV_Injection */
export const csv = (rows: readonly (readonly Cell[])[]): string =>
  stringify(
    rows.map(row => [...row]),
    {
      escape_formulas: true,
      record_delimiter: 'windows',
      cast: { object: ({ digits }) => ({ value: String(digits), escape_formulas: false }) },
    },
  )

/** The mark by which spreadsheets know that a file is UTF-8. */
export const utf8Mark = '\ufeff'
