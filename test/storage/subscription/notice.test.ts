import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { giveNotice, hearNotices, type Notice } from '../../../src/storage/subscription/notice.ts'
import { withDatabase } from '../../support/database.ts'
import { openWire } from '../../support/wire.ts'

t.test('if the database refuses to let it hear notices, it asks again', async t => {
  const { url, close } = await withDatabase()
  const database = openDatabase(url)
  let refused = 0
  const wire = await openWire(url, (near, far) => {
    far.pipe(near)
    near.on('close', () => far.end())
    near.on('data', bytes => {
      const isRefused = refused === 0 && bytes.includes('LISTEN')
      if (isRefused) refused += 1
      far.write(isRefused ? Buffer.from(bytes.toString('latin1').replace('LISTEN', 'LISTER'), 'latin1') : bytes)
    })
  })
  const heard: Notice[] = []
  const faults: unknown[] = []
  const again = Promise.withResolvers<void>()
  const hearing = Promise.withResolvers<void>()
  const notices = hearNotices(wire.address, {
    hear: notice => {
      heard.push(notice)
      hearing.resolve()
    },
    missed: () => again.resolve(),
    reportFault: fault => faults.push(fault),
  })
  t.teardown(async () => {
    await notices.close()
    wire.end()
    await database.close()
    await close()
  })
  await again.promise
  await giveNotice(database, { id: 'one', after: 0, until: 1 })
  await hearing.promise
  t.strictSame(heard, [{ id: 'one', after: 0, until: 1 }])
  t.match(faults, [/syntax error/])
})
