import { type Options, stringify } from 'csv-stringify/sync'

/** A number, in digits as they came. */
type Decimal = { readonly digits: string }
export type Cell = string | Decimal | undefined

/**
 * No cell is a formula to a spreadsheet; a number below zero stays a number. A line break of any kind stays within its cell, where a
 * row would end by it. https://owasp.org/www-community/attacks/CSV_Injection
 */
export const cellOptions: Options = {
  escape_formulas: true,
  quote_record_delimiter: true,
  cast: { object: ({ digits }) => ({ value: String(digits), escape_formulas: false }) },
}

/** Lines of CSV. */
export const csv = (rows: readonly (readonly Cell[])[]): string =>
  stringify(
    rows.map(row => [...row]),
    { ...cellOptions, record_delimiter: 'windows' },
  )

/** The mark by which spreadsheets know that a file is UTF-8. */
export const utf8Mark = '\ufeff'
