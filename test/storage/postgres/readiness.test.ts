import t from 'tap'
import { openDiskRoom } from '../../../src/storage/postgres/disk-room.ts'
import { openReadiness } from '../../../src/storage/postgres/readiness.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

t.test('a server whose database has a full disk is not ready until there is room again', async t => {
  const room = openDiskRoom()
  const { database } = await openTestDatabase(t, { room, poolSize: 1 })
  await database.run(sql.fragment`
    CREATE FUNCTION no_room() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$`)
  await database.run(sql.fragment`
    CREATE EVENT TRIGGER no_room ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION no_room()`)
  const isReady = await openReadiness(database, room)
  t.equal(await isReady(), true, 'as long as nothing fails, nothing is tried')
  const full = sql.fragment`DO $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$`
  await t.rejects(database.run(full), { message: /no room on its disk/ })
  t.same([await isReady(), await isReady()], [false, false])
  await database.run(sql.fragment`DROP EVENT TRIGGER no_room`)
  t.same([await isReady(), await isReady()], [true, true])
  t.same(await database.any(sql.fragment`SELECT FROM pg_class WHERE relname = 'disk_room'`), [], 'nothing stays')
  await t.rejects(database.run(full))
  await database.run(sql.fragment`
    CREATE FUNCTION forbidden() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE 'permission denied' USING ERRCODE = 'insufficient_privilege'; END $$`)
  await database.run(sql.fragment`
    CREATE EVENT TRIGGER forbidden ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION forbidden()`)
  t.equal(await isReady(), true, 'if it cannot be tried, nothing is known against it')
})

t.test('a server whose database takes no writes is not ready until it does again', async t => {
  const room = openDiskRoom()
  const { database } = await openTestDatabase(t, { room, poolSize: 1 })
  const isReady = await openReadiness(database, room)
  await database.run(sql.fragment`SET default_transaction_read_only = on`)
  t.equal(await isReady(), false)
  await database.run(sql.fragment`SET default_transaction_read_only = off`)
  t.equal(await isReady(), true)
})
