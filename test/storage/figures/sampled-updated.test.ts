import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openOlderDatabase } from '../../support/older-database.ts'

const offsetsUrl = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets'
const offsets = (valueString: string) => `"extension": [${JSON.stringify({ url: offsetsUrl, valueString })}]`
const tiny = `0.${'0'.repeat(400)}1`

/** Of three samples each, as older versions have stored them; and until when they are said to go on after the update. */
const stored = {
  seconds: { said: '"period": 1000', until: '2026-03-01 08:00:02.001+00' },
  'no time': { said: `"period": ${tiny}`, until: 'infinity' },
  'no time, backwards': { said: `"period": -${tiny}`, until: 'infinity' },
  'no time, with offsets': { said: `"period": ${tiny}, ${offsets('0 1 2')}`, until: 'infinity' },
}
const endless = { said: `"period": 1, ${offsets(`0 ${tiny} 2`)}`, until: 'infinity' }

const cases = { '0055': { ...stored, 'offsets without end': endless }, '0071': stored }
for (const [number, samples] of Object.entries(cases))
  t.test(
    `samples that take next to no time are no obstacle to an update from before ${number}, and nobody new reads them`,
    async t => {
      const { database, update } = await openOlderDatabase(t, number)
      const entries = Object.entries(samples)
      for (const [index, [id, { said }]] of entries.entries()) {
        const content = `{"valueSampledData": {"dimensions": 1, "data": "1 2 3", ${said}}}`
        await database.run(sql.fragment`
          WITH time AS (SELECT '2026-03-01T08:00:00Z'::timestamptz AS low, '2026-03-01T08:00:01Z'::timestamptz AS high),
          row AS (
            INSERT INTO observation (patient_id, pk, id, version, last_updated, author, tokens, content, kind_id, device_id, is_joint,
              effective_start, effective_end)
            SELECT 1, ${index + 1}, ${id}, 1, now(), 1, '{}', ${content}::jsonb, 1, 0, FALSE, low, high FROM time
          )
          INSERT INTO observation_code (patient_id, pk, code_id, kind_id, device_id, component, is_joint, unit_id, last_updated,
            effective_start, effective_end)
          SELECT 1, ${index + 1}, 1, 1, 0, 0, FALSE, 0, now(), low, high FROM time`)
      }
      await update()
      t.strictSame(
        await database.any(sql.fragment`
          SELECT row.id, code.unit_id, code.is_joint, code.lasts_until::text AS until, row.lasts_until = code.lasts_until AS "isInBoth"
          FROM observation AS row JOIN observation_code AS code USING (patient_id, pk) ORDER BY pk`),
        entries.map(([id, { until }]) => ({ id, unit_id: 0, is_joint: true, until, isInBoth: true })),
      )
    },
  )
