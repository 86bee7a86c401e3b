import { createSqlTokenSqlFragment, type FragmentSqlToken, type SqlToken, sql as slonik } from 'slonik'

/** A piece of SQL with its bound values, which are `$1`, `$2`, … in its text. Pieces nest, strings never become SQL. */
export type SqlFragment = FragmentSqlToken

/** A part of a piece: a value to be bound, or SQL that was made as such. */
export type Member = SqlToken | string | number | bigint | boolean | null

/**
 * slonik's `sql.fragment`, but put together only once, when its text or its values are needed. slonik's own renumbers the values of a piece in each
 * piece that contains it, and in a search a dozen of them are nested.
 */
export const fragment = (parts: TemplateStringsArray, ...members: readonly Member[]): SqlFragment =>
  new Piece(parts, members)

/** slonik's `sql.join`, in the same way. Throws if there are no members, since that would not be SQL. */
export const join = (members: readonly Member[], glue: SqlFragment): SqlFragment => {
  if (members.length === 0) throw new TypeError('a list of SQL has no members')
  return new Piece(['', ...new Array<string>(members.length - 1).fill(glue.sql), ''], members)
}

const empty = slonik.fragment``

class Piece implements FragmentSqlToken {
  readonly type: FragmentSqlToken['type'] = empty.type
  readonly #parts: readonly string[]
  readonly #members: readonly Member[]
  #whole: Whole | undefined

  constructor(parts: readonly string[], members: readonly Member[]) {
    if (members.includes(undefined as unknown as Member)) throw new TypeError(`undefined in ${parts.join('…')}`)
    this.#parts = parts
    this.#members = members
  }

  get sql(): string {
    return this.#once().sql
  }

  get values(): Whole['values'] {
    return this.#once().values
  }

  #once(): Whole {
    if (this.#whole === undefined) {
      this.#whole = { sql: '', values: [] }
      this.#write(this.#whole)
    }
    return this.#whole
  }

  #write(into: Whole): void {
    let index = 0
    for (const part of this.#parts) {
      into.sql += part
      const member = this.#members[index]
      if (member instanceof Piece) member.#write(into)
      else if (member !== undefined) write(member, into)
      index += 1
    }
  }
}

type Whole = { sql: string; readonly values: FragmentSqlToken['values'][number][] }

/** slonik makes arrays, names, binary values and words. */
const write = (member: Member, into: Whole): void => {
  if (typeof member !== 'object' || member === null) {
    into.sql += `$${into.values.push(member)}`
    return
  }
  const { sql, values } = createSqlTokenSqlFragment(member, into.values.length)
  into.sql += values.length === 0 ? sql : sql.replaceAll('$slonik_', '$')
  for (const value of values) into.values.push(value)
}
