import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { withDatabase } from '../../support/database.ts'
import { fhirWorldOver } from '../../support/fhir-server.ts'
import { openBreakingWire } from '../../support/wire.ts'

const real = await withDatabase()
const { address, cutAt, end } = await openBreakingWire(real.url)
const { server, database } = await fhirWorldOver({
  url: address,
  close: async () => {
    end()
    await real.close()
  },
})
t.teardown(() => server.close())

const post = (url: string, payload: object) =>
  server.inject({ method: 'POST', url, headers: { authorization: 'Bearer everything' }, payload })

const patient = (family: string) => ({ resourceType: 'Patient', name: [{ family }] })

const bundleOf = (type: string, families: readonly string[]) => ({
  resourceType: 'Bundle',
  type,
  entry: families.map(family => ({ resource: patient(family), request: { method: 'POST', url: 'Patient' } })),
})

/** The database may still be at it. */
const stored = async (family: string): Promise<number> => {
  const { count } = await database.one<{ count: number }>(
    sql.fragment`SELECT count(*)::int FROM patient WHERE content #>> '{name,0,family}' = ${family}`,
  )
  return count > 0 ? count : pause(5).then(() => stored(family))
}

t.test('if the connection breaks while a batch is committed, its entries are not written once more', async t => {
  await post('/fhir', bundleOf('batch', ['Before', 'Before']))
  cutAt('COMMIT')
  const answer = await post('/fhir', bundleOf('batch', ['InDoubt', 'InDoubt']))
  const { entry } = answer.json()
  t.strictSame(
    [
      entry.map(({ response }: { response: { status: string } }) => response.status.slice(0, 3)),
      /it is not known whether it was done/.test(answer.body),
    ],
    [['500', '500'], true],
  )
  t.equal(await stored('InDoubt'), 2)
})

t.test('whoever may have written something is not told to send it again, even if that cannot be recorded', async t => {
  await database.run(sql.fragment`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$`)
  await database.run(sql.fragment`
    CREATE TRIGGER refuse BEFORE INSERT ON audit_record FOR EACH ROW WHEN (NEW.outcome >= 500)
    EXECUTE FUNCTION refuse()`)
  cutAt('COMMIT')
  const answer = await post('/fhir/Patient', patient('Unrecorded'))
  await database.run(sql.fragment`DROP TRIGGER refuse ON audit_record`)
  t.match(
    [answer.statusCode, answer.json()],
    [500, { issue: [{ diagnostics: /it is not known whether it was done/ }] }],
  )
  t.equal(answer.headers['retry-after'], undefined)
  t.equal(await stored('Unrecorded'), 1)
})
