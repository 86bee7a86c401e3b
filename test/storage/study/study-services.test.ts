import t from 'tap'
import {
  type ClientMetadata,
  disableClient,
  enableClient,
  keepClient,
  type NewClient,
} from '../../../src/storage/authorization/client-registration.ts'
import { sql } from '../../../src/storage/sql.ts'
import { servicesOf } from '../../../src/storage/study/study-services.ts'
import * as w from '../model/world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { database, put } = world
await put(w.organization('lab'), w.organization('clinic'), w.study('open', 'lab', []))

const metadata: ClientMetadata = {
  redirect_uris: [],
  grant_types: ['client_credentials'],
  response_types: [],
  token_endpoint_auth_method: 'private_key_jwt',
}
const service: NewClient = {
  id: 'nightly',
  name: 'Nightly',
  organization: 'lab',
  policies: [],
  scope: 'system/Observation.rs system/Patient.r',
  selfRegistered: false,
  metadata,
}

t.test('since when a service reads for a study is when it last gained something, not when it last changed', async t => {
  const long = new Date('2026-01-01T00:00:00Z')
  /** Since when it reads, if until then it was `before` for long. */
  const sinceAfter = async (before: NewClient, change: () => Promise<unknown>) => {
    await keepClient(database, before)
    await database.run(sql.fragment`UPDATE client SET gained_at = ${long.toISOString()}`)
    await change()
    const [found] = await servicesOf(database, 'open')
    return found?.rights[0]?.since?.getTime() === long.getTime() ? 'for long' : 'since then'
  }
  const becoming = (now: NewClient, before = service) => sinceAfter(before, () => keepClient(database, now))
  t.strictSame(
    {
      renamed: await becoming({ ...service, name: 'At night' }),
      'with fewer scopes': await becoming({ ...service, scope: 'system/Observation.rs' }),
      'in another order': await becoming({ ...service, scope: 'system/Patient.r system/Observation.rs' }),
      'with another scope': await becoming({ ...service, scope: `${service.scope} system/Device.r` }),
      'of another organization before': await becoming(service, { ...service, organization: 'clinic' }),
      'only with people before': await becoming(service, {
        ...service,
        metadata: { ...metadata, grant_types: ['authorization_code'] },
      }),
      'disabled before': await sinceAfter(service, async () => {
        await disableClient(database, service.id, 'organization')
        await database.run(sql.fragment`UPDATE client SET gained_at = ${long.toISOString()}`)
        await enableClient(database, service.id, 'organization')
      }),
    },
    {
      renamed: 'for long',
      'with fewer scopes': 'for long',
      'in another order': 'for long',
      'with another scope': 'since then',
      'of another organization before': 'since then',
      'only with people before': 'since then',
      'disabled before': 'since then',
    },
  )
})
