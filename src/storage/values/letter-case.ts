import { type SqlFragment, sql } from '../sql.ts'

/** A text in small letters, the same as `lowered`. Of these letters the database and the server make other ones, depending on what stands around. */
export const toLowered = (text: string): string => text.replace(/[Σς]/g, 'σ').replaceAll('İ', 'i').toLowerCase()

export const lowered = (text: SqlFragment): SqlFragment => sql.fragment`lower(translate(${text}, 'Σςİ', 'σσi'))`
