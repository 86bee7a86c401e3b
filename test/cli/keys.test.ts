import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { readSigningKeys } from '../../src/auth/provider/signing-keys.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const secretKey = Buffer.alloc(32, 7)

const { url, database } = await openTestDatabase(t)

const run = async (...words: readonly string[]) => {
  const { code, out, error } = await runProgram(['keys', ...words], {
    DATABASE_URL: url,
    SECRET_KEY: secretKey.toString('hex'),
  })
  if (code !== 0) throw new Error(`it ended with ${code}: ${error}`)
  return out.trimEnd()
}
const kids = async () => (await readSigningKeys(database, secretKey)).map(({ kid }) => kid)

t.test('the operator makes a new key, and the old ones verify until they are removed', async t => {
  const [first] = await kids()
  const second = await run('rotate')
  t.same(await kids(), [second, first])
  const third = await run('rotate', '--remove-old')
  t.same(await kids(), [third])
})

t.test('that the key was replaced is recorded as what the operator did', async t => {
  const events = await database.any<{ owner: string | null; content: AuditEvent }>(
    sql.fragment`SELECT owner, content FROM audit_event ORDER BY pk`,
  )
  const [kid] = await kids()
  t.match(events, [
    { owner: null, content: { action: 'C', outcomeDesc: 'The key that signs id_tokens was replaced' } },
    {
      owner: null,
      content: {
        action: 'D',
        outcomeDesc: 'The key that signs id_tokens was replaced, and the old ones were removed',
        subtype: [{ code: '110129' }],
        entity: [{ what: { identifier: { value: kid } } }],
      },
    },
  ])
})

t.test('they are listed with their ids, without secrets', async t => {
  const [kid] = await kids()
  t.match(await run('list'), new RegExp(`^${kid} \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$`))
})
