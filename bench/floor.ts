import { randomUUID } from 'node:crypto'
import pg from 'pg'

/** The rows of some Observations in the tables, with each column as one list, ready to be inserted again. */
export type Rows = { readonly count: number; readonly values: readonly unknown[] }

/**
 * The floor of ingest: rows as the server wrote them, inserted by one plain INSERT into the same tables with the same indexes. Copies get new
 * keys, so that every insert is of new documents.
 */
export type Floor = {
  /** Copies of the newest `count` Observations, `statements` times over. */
  readonly prepare: (count: number, statements: number) => Promise<readonly Rows[]>
  readonly insert: (rows: Rows) => Promise<void>
  readonly close: () => Promise<void>
}

export const openFloor = async (databaseUrl: string): Promise<Floor> => {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c timezone=UTC' })
  await client.connect()
  return {
    prepare: async (count, statements) => {
      const { rows } = await client.query<Stored>(newest, [count])
      await checkOtherTables(client)
      const { rows: blocks } = await client.query<{ block: string }>(
        "SELECT nextval('resource_pk') AS block FROM generate_series(1, $1)",
        [statements],
      )
      return blocks.map(({ block }) => copiesOf(rows, BigInt(block)))
    },
    insert: async ({ values }) => {
      await client.query({ name: 'floor', text: insertion, values: [...values] })
    },
    close: () => client.end(),
  }
}

type Stored = {
  readonly type_id: number
  readonly columns: readonly (string | null)[]
  readonly digest: string
  readonly codes: readonly (readonly (string | null)[])[]
}

const observationColumns = [
  ['patient_id', 'integer'],
  ['pk', 'bigint'],
  ['id', 'text'],
  ['version', 'integer'],
  ['last_updated', 'timestamptz'],
  ['owner', 'text'],
  ['author', 'integer'],
  ['tokens', 'bigint[]'],
  ['content', 'jsonb'],
  ['kind_id', 'integer'],
  ['device_id', 'integer'],
  ['effective_start', 'timestamptz'],
  ['effective_end', 'timestamptz'],
  ['is_joint', 'boolean'],
] as const

const codeColumns = [
  ['patient_id', 'integer'],
  ['code_id', 'integer'],
  ['kind_id', 'integer'],
  ['device_id', 'integer'],
  ['component', 'smallint'],
  ['is_joint', 'boolean'],
  ['effective_start', 'timestamptz'],
  ['effective_end', 'timestamptz'],
  ['pk', 'bigint'],
  ['unit_id', 'integer'],
  ['value', 'numeric'],
  ['last_updated', 'timestamptz'],
  ['statistic', 'smallint'],
  ['also_code_id', 'integer'],
] as const

type Columns = readonly (readonly [name: string, type: string])[]

const texts = (columns: Columns, row: string) => columns.map(([name]) => `${row}.${name}::text`).join(', ')
const names = (columns: Columns) => columns.map(([name]) => name).join(', ')
const cast = (columns: Columns) => columns.map(([name, type]) => `${name}::${type}`).join(', ')
const parameters = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => `$${first + index}::text[]`).join(', ')

const newest = `
  SELECT identity.type_id, ARRAY[${texts(observationColumns, 'row')}] AS columns, encode(upload_key.digest, 'hex') AS digest,
    (SELECT array_agg(ARRAY[${texts(codeColumns, 'code')}]) FROM observation_code AS code
     WHERE code.patient_id = row.patient_id AND code.pk = row.pk) AS codes
  FROM (SELECT * FROM observation ORDER BY pk DESC LIMIT $1) AS row
  JOIN resource_identity AS identity ON identity.id = row.id
    AND identity.type_id = (SELECT type_id FROM resource_type WHERE name = 'Observation')
  JOIN upload_key ON upload_key.patient_id = row.patient_id AND upload_key.pk = row.pk
    AND upload_key.kind = 1`

const codesAt = observationColumns.length + 4
const insertion = `
  WITH entry AS MATERIALIZED (
    SELECT type_id::smallint, key::uuid, decode(digest, 'hex') AS digest, ${cast(observationColumns)}
    FROM unnest(${parameters(1, codesAt - 1)}) AS entry(type_id, key, digest, ${names(observationColumns)})
  ),
  identity AS (
    INSERT INTO resource_identity (type_id, id, patient_id, pk) SELECT type_id, id, patient_id, pk FROM entry
  ),
  keys AS (
    INSERT INTO upload_key (patient_id, kind, key, pk, digest) SELECT patient_id, 1, key, pk, digest FROM entry
  ),
  codes AS (
    INSERT INTO observation_code (${names(codeColumns)})
    SELECT ${cast(codeColumns)} FROM unnest(${parameters(codesAt, codeColumns.length)}) AS code(${names(codeColumns)})
  )
  INSERT INTO observation (${names(observationColumns)}) SELECT ${names(observationColumns)} FROM entry`

const positionOf = (columns: Columns, name: string) => columns.findIndex(([one]) => one === name)
const pkAt = positionOf(observationColumns, 'pk')
const idAt = positionOf(observationColumns, 'id')
const contentAt = positionOf(observationColumns, 'content')
const codePkAt = positionOf(codeColumns, 'pk')

const copiesOf = (rows: readonly Stored[], firstPk: bigint): Rows => {
  const copies = rows.map(({ type_id, columns, digest, codes }, index) => {
    const pk = String(firstPk + BigInt(index))
    const id = randomUUID()
    const content = columns[contentAt]?.replaceAll(columns[idAt] ?? '', id) ?? null
    const body = columns.with(pkAt, pk).with(idAt, id).with(contentAt, content)
    return {
      body: [String(type_id), randomUUID(), digest, ...body],
      codes: codes.map(code => code.with(codePkAt, pk)),
    }
  })
  const entries = copies.map(({ body }) => body)
  const codes = copies.flatMap(one => one.codes)
  return { count: rows.length, values: [...turned(entries, codesAt - 1), ...turned(codes, codeColumns.length)] }
}

/** The rows as columns. */
const turned = (rows: readonly (readonly (string | null)[])[], width: number) =>
  Array.from({ length: width }, (_, column) => rows.map(row => row[column] ?? null))

/** The comparison is fair only while Observations have rows in no other table. */
const checkOtherTables = async (client: pg.Client): Promise<void> => {
  for (const table of ['index_string', 'index_date', 'index_number', 'compartment']) {
    const { rowCount } = await client.query(`
      SELECT FROM ${table} JOIN observation ON observation.patient_id = ${table}.patient_id
        AND observation.pk = ${table}.pk LIMIT 1`)
    if (rowCount !== 0) throw new Error(`Observations have rows in ${table} too: the floor must insert them`)
  }
}
