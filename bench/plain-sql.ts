import pg from 'pg'
import type { MixSearch, Numbers, Turn } from './mix-searches.ts'

/** The floors of the mix: one connection, prepared statements, and bodies that are read as a whole. */
export type PlainSql = {
  readonly ids: (search: MixSearch, turn: Turn) => Promise<readonly string[]>
  /** From all parts of the table. */
  readonly someObservations: (count: number) => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

export const openPlainSql = async (databaseUrl: string): Promise<PlainSql> => {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c jit=off -c timezone=UTC' })
  // If the database closes before this connection, that is not the error to report.
  client.on('error', () => {})
  await client.connect()
  const numbers = await readNumbers(client)
  return {
    ids: async ({ name, sql, values }, turn) => {
      const { rows } = await client.query<{ id: string; content: string }>({
        name,
        text: sql,
        values: [...values(turn, numbers)],
      })
      return rows.map(({ id }) => id)
    },
    someObservations: async count => {
      const { rows } = await client.query<{ id: string }>(
        'SELECT id FROM observation TABLESAMPLE SYSTEM (10) ORDER BY md5(id) LIMIT $1',
        [count],
      )
      return rows.map(({ id }) => id)
    },
    close: () => client.end(),
  }
}

const readNumbers = async (client: pg.Client): Promise<Numbers> => {
  const types = await client.query<{ name: string; number: number }>(
    'SELECT name, type_id AS number FROM resource_type',
  )
  const codes = await client.query<{ key: string; number: number }>('SELECT key, code_id AS number FROM code_class')
  return {
    typeIds: new Map(types.rows.map(({ name, number }) => [name, number])),
    codeIds: new Map(codes.rows.map(({ key, number }) => [key, number])),
  }
}
