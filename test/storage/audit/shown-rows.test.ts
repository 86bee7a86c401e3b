import t from 'tap'
import { findMisshown } from '../../../src/storage/audit/shown-rows.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import { recorded, tamper } from './recorded.ts'

const hidden = 'row 3 is not shown to a patient whom it concerns'
const added = 'row 3 is shown to somebody whom it does not concern, or twice'
const copied = (recorded: SqlFragment) => sql.fragment`
  INSERT INTO audit_shown (patient_id, record, recorded, subjects)
  SELECT patient_id, record, ${recorded}, subjects FROM audit_shown WHERE record = 3 AND patient_id = 4`

t.test(
  'however small the parts are in which it is looked at, what is shown too little or too much is found',
  async t => {
    const cases: readonly (readonly [name: string, change: SqlFragment, found: string | undefined])[] = [
      ['as it was sealed', sql.fragment`SELECT`, undefined],
      ['shown no more', sql.fragment`DELETE FROM audit_shown WHERE record = 3 AND patient_id = 4`, hidden],
      ['shown twice', copied(sql.fragment`recorded`), added],
      ['shown at another time as well', copied(sql.fragment`recorded + interval '1 microsecond'`), added],
      ['shown at no time', copied(sql.fragment`'-infinity'`), added],
      ['shown at the end of time', copied(sql.fragment`'infinity'`), added],
    ]
    for (const [name, change, found] of cases)
      await t.test(name, async t => {
        const { database } = await recorded(t, 3)
        await tamper(database, change)
        t.equal(await findMisshown(database), found)
        t.equal(await findMisshown(database, { seals: 1, shown: 1 }), found)
      })
  },
)
