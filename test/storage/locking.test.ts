import t from 'tap'
import { hold } from '../../src/storage/hold.ts'
import { exclusive, shared } from '../../src/storage/lock-keys.ts'
import { isOutOfTurn } from '../../src/storage/locking.ts'
import { sql } from '../../src/storage/sql.ts'
import { allOrNothing } from '../../src/storage/write/savepoint.ts'
import { fhirWorld } from '../support/fhir-server.ts'
import { someoneWaits } from '../support/someone-waits.ts'

const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())

const send = (method: 'POST' | 'PUT' | 'PATCH', url: string, payload: object, type = 'application/fhir+json') =>
  server.inject({
    method,
    url: `/fhir${url && `/${url}`}`,
    headers: { authorization: 'Bearer everything', 'content-type': type },
    payload: JSON.stringify(payload),
  })
const put = (resource: { readonly resourceType: string; readonly id: string }) => ({
  resource,
  request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
})
const transaction = async (...resources: Parameters<typeof put>[0][]): Promise<number> =>
  (await send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry: resources.map(put) })).statusCode

const study = {
  resourceType: 'ResearchStudy',
  id: 'study',
  status: 'active',
  sponsor: { reference: 'Organization/clinic' },
}
const enrolled = (id: string, patient: string) => ({
  resourceType: 'ResearchSubject',
  id,
  status: 'candidate',
  study: { reference: 'ResearchStudy/study' },
  individual: { reference: `Patient/${patient}` },
})

t.before(async () => {
  await transaction({ resourceType: 'Organization', id: 'clinic' })
  await transaction(study)
  for (const patient of ['ann', 'bob']) {
    await transaction({ resourceType: 'Patient', id: patient })
    await transaction(enrolled(`place-${patient}`, patient))
  }
})

t.test('of two that take two locks in opposite orders, one is run anew and takes them in the one order', async t => {
  const [study, patient] = [exclusive(['study']), exclusive([7])]
  const holdsStudy = Promise.withResolvers<void>()
  const holdsPatient = Promise.withResolvers<void>()
  const [done, gaveWay]: [string[], boolean[]] = [[], []]
  const noting = (error: unknown) => {
    gaveWay.push(isOutOfTurn(error))
    throw error
  }
  const late = database.writing(async connection => {
    await hold(connection, 'study', study)
    holdsStudy.resolve()
    await holdsPatient.promise
    await hold(connection, 'patient', patient).catch(noting)
    done.push('late')
  })
  await holdsStudy.promise
  await database.writing(async connection => {
    await hold(connection, 'patient', patient)
    holdsPatient.resolve()
    await hold(connection, 'study', study).catch(noting)
    done.push('early')
  })
  await late
  t.strictSame([gaveWay, done], [[true], ['early', 'late']])
})

t.test('of two that share a lock and want it alone, one gives back its share', async t => {
  const both = Promise.withResolvers<void>()
  let sharing = 0
  const gaveWay: boolean[] = []
  const one = () =>
    database.writing(async connection => {
      await hold(connection, 'source', shared([7]))
      sharing += 1
      if (sharing === 2) both.resolve()
      await both.promise
      await hold(connection, 'source', exclusive([7])).catch(error => {
        gaveWay.push(isOutOfTurn(error))
        throw error
      })
    })
  await Promise.all([one(), one()])
  t.strictSame(new Set(gaveWay), new Set([true]))
})

t.test(
  'what gave way in a part of it is run anew as a whole, although that part was undone and the rest went on',
  async t => {
    const [study, patient] = [exclusive(['study']), exclusive([7])]
    const { held, taken } = { held: Promise.withResolvers<void>(), taken: Promise.withResolvers<void>() }
    const other = database.writing(async connection => {
      await hold(connection, 'patient', patient)
      held.resolve()
      await taken.promise
    })
    await held.promise
    const attempts: string[] = []
    await database.writing(async connection => {
      await hold(connection, 'study', study)
      const part = allOrNothing(connection, async () => {
        await hold(connection, 'patient', patient)
        return 'done'
      })
      attempts.push(await part.catch(error => (isOutOfTurn(error) ? 'undone' : 'failed')))
      taken.resolve()
    })
    await other
    t.strictSame(attempts, ['undone', 'done'])
  },
)

t.test('a lock that is held is taken again at once, whatever came after it', async t => {
  const again = await database.writing(async connection => {
    await hold(connection, 'place', exclusive(['0/nobody']))
    await hold(connection, 'source', exclusive([7]))
    await hold(connection, 'place', exclusive(['0/nobody']))
    return 'held'
  })
  t.equal(again, 'held')
})

t.test('a transaction that waits for the turn of a patient has not locked the study that it changes first', async t => {
  const { answer, free } = await database.writing(async connection => {
    const [{ number } = { number: 0 }] = await connection.any<{ number: number }>(
      sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = 'ann'`,
    )
    await hold(connection, 'patient', exclusive([number]))
    const answer = transaction({ ...study, ...{ title: 'Changed' } }, enrolled('place-ann', 'ann'))
    await someoneWaits(connection)
    const free = await connection.any(sql.fragment`SELECT id FROM study WHERE id = 'study' FOR UPDATE SKIP LOCKED`)
    return { answer: { status: answer }, free }
  })
  t.strictSame([free, await answer.status], [[{ id: 'study' }], 200])
})

t.test('transactions about two patients each, none of them the same, do not wait for each other', async t => {
  await database.writing(async connection => {
    const patients = await connection.any<{ number: number }>(
      sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = 'ann'`,
    )
    await hold(connection, 'patient', exclusive(patients.map(({ number }) => number)))
    const others = [enrolled('place-bob', 'bob'), { resourceType: 'Patient', id: 'bob', active: true }]
    t.equal(await transaction(...others), 200)
  })
})

t.test('whoever may not write a type at all holds up nobody who may, and waits for nobody', async t => {
  const refused = await database.writing(async connection => {
    await hold(connection, 'reach', exclusive(['']))
    await hold(connection, 'study', exclusive(['study']))
    return server.inject({
      method: 'POST',
      url: '/fhir',
      headers: { authorization: 'Bearer reader', 'content-type': 'application/fhir+json' },
      payload: JSON.stringify({
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [put(study), { request: { method: 'DELETE', url: 'Organization/clinic' } }],
      }),
    })
  })
  t.equal(refused.statusCode, 403)
})

t.test('nobody holds up the patients and studies of others by naming them beside their own', async t => {
  const others = { ...enrolled('other-place', 'bob'), study: { reference: 'ResearchStudy/other' } }
  await transaction({ ...study, id: 'other' })
  await transaction(others)
  const ann = await token({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/*.cruds' })
  const refused = await database.writing(async connection => {
    const bob = await connection.any<{ number: number }>(
      sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = 'bob'`,
    )
    await hold(connection, 'patient', exclusive(bob.map(({ number }) => number)))
    await hold(connection, 'study', exclusive(['other']))
    return server.inject({
      method: 'POST',
      url: '/fhir',
      headers: { authorization: `Bearer ${ann}`, 'content-type': 'application/fhir+json' },
      payload: JSON.stringify({
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [put({ resourceType: 'Patient', id: 'bob' }), put(others)],
      }),
    })
  })
  t.equal(refused.statusCode, 404)
})

t.test('an organization and a study change one after the other, whichever comes first in its transaction', async t => {
  const clinic = { resourceType: 'Organization', id: 'clinic', name: 'Clinic' }
  const statuses = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      transaction(
        ...(index % 2 === 0 ? [clinic, study] : [study, clinic]).map(one => ({ ...one, language: `l${index}` })),
      ),
    ),
  )
  t.strictSame(new Set(statuses), new Set([200]))
})

t.test(
  'whoever gives a Device another parent by a patch has not locked it while they wait for everybody else',
  async t => {
    const patient = { reference: 'Patient/ann' }
    await transaction({ resourceType: 'Device', id: 'band' })
    await transaction({ resourceType: 'Device', id: 'own', ...{ patient } })
    const { answer, free } = await database.writing(async connection => {
      const change = [{ op: 'add', path: '/parent', value: { reference: 'Device/band' } }]
      const answer = send('PATCH', 'Device/own', change, 'application/json-patch+json')
      await someoneWaits(connection)
      const free = await connection.any(
        sql.fragment`SELECT id FROM resource_identity WHERE id = 'own' FOR UPDATE SKIP LOCKED`,
      )
      return { answer: { answer }, free }
    })
    t.strictSame([free, (await answer.answer).statusCode], [[{ id: 'own' }], 200])
  },
)
