import type { Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { isOtherJoining } from '../../../src/storage/other-joining.ts'
import { sql } from '../../../src/storage/sql.ts'
import { takeTurnAlone } from '../../../src/storage/write/turn-to-join.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

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

t.test('of two who wait for everybody else, the later gives way at once, and has its turn after the other', async t => {
  let begun = 0
  const [both, refused, done]: [PromiseWithResolvers<void>, unknown[], string[]] = [Promise.withResolvers(), [], []]
  const alone = (name: string) =>
    database.writing(async connection => {
      begun += 1
      if (begun === 2) both.resolve()
      await both.promise
      await takeTurnAlone(connection).catch(error => {
        refused.push(isOtherJoining(error))
        throw error
      })
      done.push(name)
    })
  await Promise.all([alone('one'), alone('other')])
  t.strictSame([refused, done.toSorted()], [[true], ['one', 'other']])
})

t.test('whoever gives a Device another parent has not locked it while they wait for everybody else', async t => {
  await put({ resourceType: 'Device', id: 'band' })
  const patient = { reference: 'Patient/ann' }
  await put({ resourceType: 'Device', id: 'own', patient })
  const { answer, free } = await database.writing(async connection => {
    const answer = put({ resourceType: 'Device', id: 'own', patient, parent: { reference: 'Device/band' } })
    await someoneWaits(connection)
    const free = await connection.any<{ id: string }>(
      sql.fragment`SELECT id FROM resource_identity WHERE id = 'own' FOR UPDATE SKIP LOCKED`,
    )
    return { answer: { status: answer }, free }
  })
  t.strictSame([free, await answer.status], [[{ id: 'own' }], 200])
})
