import type { Database } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'

/** Rows of a study's messages, invitations and enrolments, about one person unless others are given. */
export const messageRows = (database: Database) => {
  const clear = () => database.run(sql.fragment`TRUNCATE study_message, invitation, enrolment`)

  const into = (table: 'study_message' | 'invitation' | 'enrolment', row: Columns) =>
    database.run(sql.fragment`
      INSERT INTO ${sql.identifier([table])}
      SELECT * FROM jsonb_populate_record(NULL::${sql.identifier([table])}, ${JSON.stringify(row)}::jsonb)`)
  const add = (id: string, given: Columns = {}) => {
    const mail = {
      channel: 'email',
      address: 'ann@example.org',
      state: 'waiting',
      tries: 0,
      made_at: ago(0),
      to_many: false,
    }
    return into('study_message', { id, kind: 'reminder', ...ann, ...mail, ...given })
  }
  const invite = (id: string, given: Columns = {}) =>
    into('invitation', { id, ...ann, made_at: ago(6), expires_at: ago(-1), tries: 0, codes_asked: [], ...given })
  const enrol = (id: string, given: Columns = {}) => {
    const forever = { in_force: true, period_start: '-infinity', period_end: 'infinity' }
    return into('enrolment', { id, patient_id: 7, pk: 1, patient: 'ann', study_id: 's', ...forever, ...given })
  }
  return { clear, add, invite, enrol }
}

/** The moment that many days ago. */
export const ago = (days: number): string => new Date(Date.now() - days * 24 * 3_600_000).toISOString()

const ann = { patient: 'ann', subject: 'ann-in-s', study_id: 's' }

export type Columns = Readonly<Record<string, string | number | boolean | null | readonly never[]>>
