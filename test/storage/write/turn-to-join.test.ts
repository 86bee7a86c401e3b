import type { Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const put = async (resource: Resource): Promise<number> => {
  const { statusCode } = await server.inject({
    method: 'PUT',
    url: `/fhir/${resource.resourceType}/${resource.id}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: resource,
  })
  return statusCode
}

t.test('joining records while a long list is written keeps nobody else waiting until the list is done', async t => {
  for (const id of ['ann', 'ann-too']) await put({ resourceType: 'Patient', id })
  const done: string[] = []
  const written = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const list = database.writing(async connection => {
    await connection.run(sql.fragment`SELECT 1`)
    begun.resolve()
    await written.promise
    done.push('list')
  })
  await begun.promise
  const link = ['ann', 'ann-too'].map(id => ({ target: { reference: `Patient/${id}` } }))
  const joining = put({ resourceType: 'Person', id: 'person-ann', link }).then(status => {
    done.push('joining')
    return status
  })
  await new Promise(resolve => setTimeout(resolve, 500))
  t.equal(await put({ resourceType: 'Patient', id: 'bob' }), 201)
  t.strictSame(done, [])
  written.resolve()
  await list
  t.equal(await joining, 201)
  t.strictSame(done, ['list', 'joining'])
  const compartments = await database.any(sql.fragment`
    SELECT DISTINCT patient_id FROM patient_compartment WHERE id IN ('ann', 'ann-too')`)
  t.equal(compartments.length, 1)
})
