import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { createGrant, findGrant } from '../../src/storage/authorization/authorization-grant.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { keepIssuedToken } from '../../src/storage/authorization/issued-token.ts'
import { findCaller, issueToken } from '../../src/storage/authorization/token.ts'
import { newSecret } from '../../src/storage/secret/secret.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const { url, database } = await openTestDatabase(t)
await database.run(sql.fragment`INSERT INTO organization_node (id, tenant) VALUES ('clinic', 'clinic')`)
await registerClient(database, { id: 'desk', name: 'Desk', policies: [], organization: 'clinic' })

const revoke = (input: string) =>
  runProgram(['revoke-token'], { DATABASE_URL: url, SECRET_KEY: '07'.repeat(32) }, input)

const scope = 'patient/Observation.rs'
const printed = () => issueToken(database, { client: 'cli', scope, ttlSeconds: 60, subject: { kind: 'administrator' } })

/** What was recorded last, and whose privacy officers can read it. */
const lastRecorded = async () => {
  const [last] = await database.any<{ owner: string | null; content: AuditEvent }>(
    sql.fragment`SELECT owner, content FROM audit_event ORDER BY pk DESC LIMIT 1`,
  )
  const { agent, outcomeDesc, entity } = last?.content ?? {}
  return { owner: last?.owner, by: agent?.map(({ who }) => who?.identifier?.value), outcomeDesc, entity }
}

t.test('the operator ends a printed token, and no other, which is recorded without the token', async t => {
  const [token, other] = [await printed(), await printed()]
  t.strictSame(await revoke(`${token}\n`), { code: 0, out: '', error: 'The token is over.\n' })
  t.equal(await findCaller(database, token), undefined)
  t.not(await findCaller(database, other), undefined)
  t.strictSame(await lastRecorded(), {
    owner: null,
    by: ['cli'],
    outcomeDesc: 'An access token of the client cli was ended',
    entity: [{ what: { identifier: { value: 'cli' } }, detail: [{ type: 'scope', valueString: scope }] }],
  })
})

t.test('the token may be copied from a request, with the words before it', async t => {
  for (const words of ['Bearer ', 'authorization: bearer ', '\n ']) {
    const token = await printed()
    t.match(await revoke(`${words}${token}\n`), { code: 0, error: 'The token is over.\n' }, words)
    t.equal(await findCaller(database, token), undefined, words)
  }
})

t.test('with the token of an app ends what it was granted with, and its organization can read that', async t => {
  const given = { client: 'desk', patient: 'ann', scope, context: {}, ttlSeconds: 60 }
  const grant = (await createGrant(database, given)) ?? ''
  const tokens = [newSecret(), newSecret()] as const
  for (const token of tokens)
    await keepIssuedToken(database, { token, client: 'desk', scope, grant, issued: {}, ttlSeconds: 60 })
  t.not(await findCaller(database, tokens[1]), undefined)
  t.strictSame(await revoke(tokens[0]), {
    code: 0,
    out: '',
    error: 'The token is over, and so is what it was granted with.\n',
  })
  t.strictSame(await Promise.all(tokens.map(token => findCaller(database, token))), [undefined, undefined])
  t.equal(await findGrant(database, grant), undefined)
  t.match(await lastRecorded(), { owner: /^clinic$/, outcomeDesc: /^An access token of the client desk was ended$/ })
})

t.test('what is no token that is in force is refused, and nothing is recorded', async t => {
  const [over, before] = [await printed(), await lastRecorded()]
  await database.run(sql.fragment`UPDATE token SET expires_at = now() WHERE client_id = 'cli'`)
  for (const [input, error] of [
    [over, 'This is no access token that is in force\n'],
    [newSecret(), 'This is no access token that is in force\n'],
    ['nonsense', 'This is no access token that is in force\n'],
    ['\n', 'Give the token on standard input\n'],
  ] as const)
    t.strictSame(await revoke(input), { code: 1, out: '', error }, input)
  t.strictSame(await lastRecorded(), before)
})
