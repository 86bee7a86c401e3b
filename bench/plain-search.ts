import pg from 'pg'
import { openCodeClasses } from '../src/fhir/measured/code-class.ts'

/** The SQL that somebody who knows the tables would write for the same rows, without a gate. */
export type PlainSearch = {
  /** How many bodies were found; they are read as a whole. */
  readonly newest: (patient: string, code: string, rows: number) => Promise<number>
  /** How many bodies all Observations of the patients have, newest first, a thousand at a time. */
  readonly all: (patients: readonly string[]) => Promise<number>
  readonly close: () => Promise<void>
}

export const openPlainSearch = async (databaseUrl: string): Promise<PlainSearch> => {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c jit=off' })
  await client.connect()
  const classes = openCodeClasses()
  return {
    newest: async (patient, code, rows) => {
      const [key] = classes.classesAsked(undefined, code).keys
      const found = await client.query({ name: 'newest', text: newest, values: [patient, key, rows] })
      return found.rows.length
    },
    all: async patients => {
      await client.query('BEGIN')
      const named = patients.map(one => client.escapeLiteral(one)).join()
      await client.query(`DECLARE file NO SCROLL CURSOR FOR ${everything(named)}`)
      let rows = 0
      for (let read = -1; read !== 0; rows += read)
        read = (await client.query<{ content: string }>('FETCH 1000 FROM file')).rows.length
      await client.query('COMMIT')
      return rows
    },
    close: () => client.end(),
  }
}

const newest = `
  SELECT observation.id, observation.content::text AS content
  FROM observation_code AS code
  JOIN observation ON observation.patient_id = code.patient_id AND observation.pk = code.pk
  WHERE code.patient_id = (SELECT patient_id FROM patient_compartment WHERE id = $1)
    AND code.code_id = (SELECT code_id FROM code_class WHERE key = $2) AND code.component = 0
  ORDER BY code.effective_start DESC, code.pk DESC
  LIMIT $3`

const everything = (patients: string) => `
  SELECT observation.content::text AS content
  FROM observation JOIN patient_compartment USING (patient_id)
  WHERE patient_compartment.id IN (${patients})
  ORDER BY observation.effective_start DESC, observation.pk DESC`
