import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ageAudit } from '../../../../src/storage/audit/age.ts'
import { insertRecords } from '../../../../src/storage/audit/record.ts'
import { acceptHead, attestRotation } from '../../../../src/storage/audit/seal/attestation.ts'
import { auditKeyOf, digestsIn, headOf, marksOf } from '../../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../../src/storage/audit/seal/seal.ts'
import { verifyAudit } from '../../../../src/storage/audit/seal/verify.ts'
import type { Connection, Database } from '../../../../src/storage/database.ts'
import { type SqlFragment, sql } from '../../../../src/storage/sql.ts'
import { aged, key, read, recorded, tamper } from '../recorded.ts'

const [next, third] = [auditKeyOf(randomBytes(32)), auditKeyOf(randomBytes(32))]
const unattested = (what: string) =>
  `${what} was signed with another SECRET_KEY, and nothing attests that this one took its place`

/** Rebuilds the chain from the existing rows, up to the seal, as somebody who has the database but not the key can. */
const forge = (database: Database, seal = 1000): Promise<void> =>
  database.transaction(async connection => {
    await connection.run(sql.fragment`SET LOCAL session_replication_role = replica`)
    await forgeSeals(connection, seal)
  })

const forgeSeals = async (connection: Connection, most: number): Promise<void> => {
  const seals = await connection.any<{ seal: string; epoch: number; snapshot: string; sealed: Date; ids: string[] }>(
    sql.fragment`
      SELECT seal, epoch, snapshot::text AS snapshot, sealed, ids::text[] AS ids FROM audit_seal
      WHERE seal <= ${most} ORDER BY seal`,
  )
  let head: Buffer | undefined
  for (const one of seals) {
    const { ids, digests } = await connection.one<{ ids: string[]; digests: Buffer }>(sql.fragment`
      SELECT coalesce(array_agg(id::text ORDER BY id), '{}') AS ids, coalesce(string_agg(audit_digest(row), '' ORDER BY id), '') AS digests
      FROM audit_record AS row WHERE id = ANY(${sql.array(one.ids, 'int8')})`)
    head = headOf(head, one, digests, Buffer.alloc(0))
    await connection.run(sql.fragment`
      UPDATE audit_seal SET ids = ${sql.array(ids, 'int8')}, marks = ${sql.binary(marksOf(digestsIn(digests)))},
        head = ${sql.binary(head)}, key = 'before', mac = sha256('any') WHERE seal = ${one.seal}::bigint`)
  }
}

const removal = sql.fragment`DELETE FROM audit_record WHERE id = 1`

t.test(
  'after the key is replaced, the new key proves everything that the old one sealed, and what it seals itself',
  async t => {
    const { database, heads } = await recorded(t, 2)
    await attestRotation(database, { from: key, to: next })
    await attestRotation(database, { from: key, to: next })
    t.strictSame(await verifyAudit(database, next, heads), { kind: 'whole', last: heads[1], rows: 4, unsealed: 0 })
    await insertRecords(database, [read])
    const last = await sealAudit(database, next)
    t.strictSame(await verifyAudit(database, next, heads), { kind: 'whole', last, rows: 5, unsealed: 0 })
    t.match(
      await verifyAudit(database, key),
      { kind: 'broken', bad: unattested('seal 3') },
      'the old key no longer does',
    )
  },
)

t.test('so it does however often the key is replaced', async t => {
  const { database, heads } = await recorded(t, 1)
  await attestRotation(database, { from: key, to: next })
  await attestRotation(database, { from: next, to: third })
  t.match(await verifyAudit(database, third, heads), { kind: 'whole', rows: 2 })
  await insertRecords(database, [read])
  await sealAudit(database, third)
  await attestRotation(database, { from: third, to: auditKeyOf(Buffer.alloc(32, 4)) })
  t.match(await verifyAudit(database, auditKeyOf(Buffer.alloc(32, 4)), heads), { kind: 'whole', rows: 3 })
  t.match(await verifyAudit(database, next), { kind: 'broken', bad: unattested('seal 2') })
})

t.test('if nothing is sealed there is nothing to attest', async t => {
  const { database } = await recorded(t, 0)
  await attestRotation(database, { from: key, to: next })
  t.strictSame(await database.any(sql.fragment`SELECT FROM audit_attestation`), [])
  t.match(await verifyAudit(database, next), { kind: 'whole', rows: 0 })
})

t.test('a chain that was rebuilt as if with another key is detected, whatever the server seals after it', async t => {
  const { database } = await recorded(t, 3)
  await tamper(database, removal)
  await forge(database)
  t.strictSame(await verifyAudit(database, key), { kind: 'broken', bad: unattested('seal 1') })
  await insertRecords(database, [read])
  await sealAudit(database, key)
  t.strictSame(await verifyAudit(database, key), { kind: 'broken', bad: unattested('seal 1') })
})

t.test('after the key is replaced, no earlier change goes unnoticed', async t => {
  const found: readonly (readonly [string, readonly SqlFragment[], string])[] = [
    ['a row that was removed', [removal], 'row 1, which seal 1 has, was removed'],
    ['an attestation that was removed', [sql.fragment`DELETE FROM audit_attestation`], unattested('seal 1')],
    [
      'an attestation of more than was attested',
      [sql.fragment`UPDATE audit_attestation SET seal = 3`],
      unattested('seal 1'),
    ],
    [
      'an attestation that somebody else has written',
      [
        sql.fragment`DELETE FROM audit_attestation`,
        sql.fragment`
          INSERT INTO audit_attestation (key, seal, head, start, accepted, mac)
          SELECT ${next.id}, seal, head, 0, 0, sha256('any') FROM audit_seal WHERE seal = 2`,
      ],
      unattested('seal 1'),
    ],
    [
      'an end that was cut off before the key was replaced',
      [sql.fragment`DELETE FROM audit_seal WHERE seal >= 2`, sql.fragment`DELETE FROM audit_record WHERE id > 2`],
      'the end was cut off: seal 2, which was attested, is not there',
    ],
    [
      'what goes before its time, behind a checkpoint that the key before might have signed',
      [
        sql.fragment`
          INSERT INTO audit_checkpoint (seal, epoch, snapshot, head, rows, made, key, mac)
          SELECT seal, epoch, snapshot, head, 2, now(), ${key.id}, mac FROM audit_seal WHERE seal = 1`,
        sql.fragment`DELETE FROM audit_seal WHERE seal = 1`,
        sql.fragment`DELETE FROM audit_record WHERE id <= 2`,
      ],
      unattested('the checkpoint behind seal 1'),
    ],
    [
      'a seal behind it that the old key has signed',
      [sql.fragment`UPDATE audit_seal SET key = ${key.id} WHERE seal = 3`],
      unattested('seal 3'),
    ],
  ]
  for (const [name, changes, bad] of found)
    await t.test(name, async t => {
      const { database } = await recorded(t, 2)
      await attestRotation(database, { from: key, to: next })
      await insertRecords(database, [read])
      await sealAudit(database, next)
      await tamper(database, ...changes)
      t.strictSame(await verifyAudit(database, next), { kind: 'broken', bad })
    })
  await t.test('a chain that was made anew up to there', async t => {
    const { database } = await recorded(t, 2)
    await attestRotation(database, { from: key, to: next })
    await tamper(database, removal)
    await forge(database, 2)
    const bad = 'seal 2 is another than the one that was attested'
    t.strictSame(await verifyAudit(database, next), { kind: 'broken', bad })
    await insertRecords(database, [read])
    await sealAudit(database, next)
    t.strictSame(await verifyAudit(database, next), { kind: 'broken', bad }, 'even after the server has sealed more')
  })
})

t.test('a new key attests nothing that the old one cannot prove', async t => {
  const { database } = await recorded(t, 2)
  await tamper(database, removal)
  await forge(database)
  await insertRecords(database, [read])
  await sealAudit(database, key)
  await t.rejects(attestRotation(database, { from: key, to: next }), {
    name: 'StartError',
    message: `Nothing was sealed anew: the new key would vouch for a record that is not whole: ${unattested('seal 1')}`,
  })
  t.strictSame(await database.any(sql.fragment`SELECT FROM audit_attestation`), [])
})

t.test(
  'what aged before the key was replaced, and what ages after, lies behind checkpoints that the new key proves',
  async t => {
    const { database } = await aged(t, 2)
    await ageAudit(database, key, 6)
    await insertRecords(database, [read])
    const last = await sealAudit(database, key)
    await attestRotation(database, { from: key, to: next })
    t.strictSame(await verifyAudit(database, next), { kind: 'whole', last, rows: 1, unsealed: 0, checkpoint: '2' })
    const another = await aged(t, 2)
    await attestRotation(another.database, { from: key, to: next })
    t.equal(await ageAudit(another.database, next, 6), 4)
    t.match(await verifyAudit(another.database, next), { kind: 'whole', rows: 0, checkpoint: '2' })
  },
)

t.test(
  'a key that was replaced without attestation is accepted by hand, as the log has it, and verification always says so',
  async t => {
    const { database, heads } = await recorded(t, 2)
    await insertRecords(database, [read])
    const last = await sealAudit(database, next)
    t.strictSame(await verifyAudit(database, next), { kind: 'broken', bad: unattested('seal 1') })
    t.equal(await acceptHead(database, next, { seal: '2', head: heads[0]?.head ?? '' }), false, 'no seal has that head')
    t.equal(await acceptHead(database, next, { seal: '1', head: heads[0]?.head ?? '' }), true)
    t.strictSame(await verifyAudit(database, next), { kind: 'broken', bad: unattested('seal 2') }, 'and no further')
    t.equal(await acceptHead(database, next, { seal: '2', head: heads[1]?.head ?? '' }), true)
    const whole = { kind: 'whole', last, rows: 5, unsealed: 0, accepted: '2' }
    t.strictSame(await verifyAudit(database, next, heads), whole)
    await attestRotation(database, { from: next, to: third })
    t.strictSame(await verifyAudit(database, third, heads), whole)
    await tamper(database, removal)
    t.match(await verifyAudit(database, third), { kind: 'broken', bad: 'row 1, which seal 1 has, was removed' })
  },
)
