import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { someoneWaits } from '../support/someone-waits.ts'
import { assertion, assertionType, makeKey } from './backend.ts'
import { openApps, tokenRequest } from './world.ts'

const world = await openApps()
const { server, database, lab, client } = world
t.teardown(() => server.close())

const key = await makeKey('RS384')
const kinds = { 'a key': 'private_key_jwt', 'a secret': 'client_secret_post' } as const

for (const [how, method] of Object.entries(kinds))
  t.test(`a service with ${how} gets no token for what is taken from it while it asks`, async t => {
    const { id, secret } = await client({
      name: 'Night job',
      organization: lab.organization,
      scope: 'system/Observation.rs system/Patient.rs',
      metadata: {
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: method,
        ...(method === 'private_key_jwt' && { jwks: { keys: [key.jwk] } }),
      },
    })
    const ask = async (scope: string) =>
      tokenRequest(server, {
        grant_type: 'client_credentials',
        scope,
        ...(method === 'private_key_jwt'
          ? { client_assertion_type: assertionType, client_assertion: await assertion(id, key) }
          : { client_id: id, client_secret: secret }),
      })
    t.equal((await ask('system/Patient.rs')).status, 200)
    const { answer } = await database.transaction(async connection => {
      await connection.run(sql.fragment`UPDATE client SET scope = 'system/Observation.rs' WHERE id = ${id}`)
      const answer = ask('system/Patient.rs')
      await someoneWaits(connection)
      return { answer }
    })
    t.match(await answer, { status: 400, body: { error: 'invalid_grant' } })
    t.has(await ask('system/Observation.rs'), { status: 200, body: { scope: 'system/Observation.rs' } })
    const disabled = await database.transaction(async connection => {
      await connection.run(sql.fragment`UPDATE client SET disabled_at = now() WHERE id = ${id}`)
      const answer = ask('system/Observation.rs')
      await someoneWaits(connection)
      return { answer }
    })
    t.match(await disabled.answer, { status: 400, body: { error: 'invalid_grant' } }, 'nor once it is disabled')
  })
