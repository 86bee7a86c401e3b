import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { sql } from '../../../src/storage/sql.ts'
import { addAction, beginItem, readAction, refusedItems } from '../../../src/storage/study/study-action.ts'
import type { Queue } from '../../../src/storage/work/queue.ts'
import { workOnStudyActions } from '../../../src/studies/people/study-action-work.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const invited: string[] = []
/** As if the person could read the study and nobody in it, and invite everybody. */
const parts = {
  database,
  accounts: { database },
  registry: undefined,
  openStoreFor: () => ({
    read: async () => ({ content: JSON.stringify({ resourceType: 'ResearchStudy', id: 'sleep' }) }),
    studyPeople: async () => ({ rows: [], named: [], total: 0, ids: [], counts: {} }),
  }),
  invitations: { invite: async ({ subject }: { readonly subject: string }) => invited.push(subject) },
  reportFault: t.fail,
  tries: { retries: 2, minTimeout: 10 },
}
const add = (person: string, what: 'invite' | 'remind') =>
  addAction(database, { person, study: 'sleep', what, way: 'any', targets: ['ann', 'bob'] })
type Others = {
  readonly isLast?: boolean
  readonly openStoreFor?: () => object
  readonly reportFault?: (fault: unknown) => void
  readonly invitations?: { readonly invite: (by: { readonly subject: string }) => Promise<void> }
}
const outcomeOf = async (person: string) => worked(await add(person, 'invite'))
const worked = async (id: string, { isLast = false, ...others }: Others = {}) => {
  const working: Promise<unknown>[] = []
  const queue = {
    ask: async () => {},
    work: async (run: Parameters<Queue['work']>[0]) => {
      working.push(run(id, { isLast: () => isLast }).catch((error: unknown) => error))
    },
  }
  await workOnStudyActions({ ...parts, ...others, queue } as never)
  const failed = (await Promise.all(working)).find(error => error !== undefined)
  if (failed !== undefined) throw failed
  const refused = await refusedItems(database, id, { after: 0, count: 10 })
  return { isOver: (await readAction(database, id))?.isOver, refused: refused.map(({ refusal }) => refusal) }
}

t.test('an action of somebody who was barred meanwhile is not done', async t => {
  await database.run(sql.fragment`INSERT INTO barred_person VALUES ('mallory')`)
  const refused = ['You may not do this, or no longer', 'You may not do this, or no longer']
  t.strictSame(await outcomeOf('mallory'), { isOver: true, refused })
  t.strictSame(invited, [])
  t.strictSame(await outcomeOf('carol'), { isOver: true, refused: [] })
  t.strictSame(invited.toSorted(), ['ann', 'bob'])
})

t.test('what somebody may no longer do in the study ends with the reason', async t => {
  const openStoreFor = () => ({
    read: async () => {
      throw new FhirError('not-found', 'There is no such study')
    },
  })
  const refused = ['There is no such study', 'There is no such study']
  for (const what of ['remind', 'invite'] as const)
    t.strictSame(await worked(await add('carol', what), { openStoreFor }), { isOver: true, refused }, what)
})

t.test('an item that was interrupted is reported as possibly done, and is not done again', async t => {
  invited.length = 0
  const id = await add('carol', 'invite')
  await beginItem(database, id, 1)
  t.match(await readAction(database, id), { done: 0, refused: 0, isOver: false })
  const refused = [
    'The server stopped while it was at this, and it is not known whether it was done: look how they stand',
  ]
  t.strictSame(await worked(id), { isOver: true, refused })
  t.strictSame(invited, ['bob'])
  t.match(await readAction(database, id), { done: 2, refused: 1 })
})

t.test('when an item is begun, it is told what came of the one before', async t => {
  const id = await add('erin', 'invite')
  await beginItem(database, id, 1)
  t.equal(await beginItem(database, id, 2, { item: 1, refusal: 'They have no address' }), true)
  t.match(await readAction(database, id), { done: 1, refused: 1, isOver: false })
  t.equal(await beginItem(database, id, 1, { item: 2, refusal: undefined }), false, 'nor is one begun twice')
  t.match(await readAction(database, id), { done: 2, refused: 1, isOver: false })
})

t.test('an item that another server has begun since it was listed is left to that one', async t => {
  invited.length = 0
  const id = await add('carol', 'invite')
  const openStoreFor = () => ({
    ...parts.openStoreFor(),
    read: async () => {
      await beginItem(database, id, 1)
      return parts.openStoreFor().read()
    },
  })
  await worked(id, { openStoreFor })
  t.strictSame(invited, ['bob'])
})

t.test('what was asked for more than a week ago, before the server stood still, is not begun any more', async t => {
  invited.length = 0
  const [old, recent] = [await add('carol', 'invite'), await add('dave', 'invite')]
  await beginItem(database, old, 1)
  const ago = (id: string, days: number) =>
    database.run(
      sql.fragment`UPDATE study_action SET made_at = now() - make_interval(days => ${days}) WHERE id = ${id}`,
    )
  await ago(old, 8)
  await ago(recent, 6)
  const refused = [
    'The server stopped while it was at this, and it is not known whether it was done: look how they stand',
    'The server stood still before their turn came, and it is too long ago now: ask for it again',
  ]
  t.strictSame(await worked(old), { isOver: true, refused })
  t.strictSame(invited, [])
  t.strictSame(await worked(recent), { isOver: true, refused: [] })
  t.strictSame(invited.toSorted(), ['ann', 'bob'])
})

t.test('an item during which the database was lost in the middle of a commit is reported as possibly done', async t => {
  const faults: unknown[] = []
  const unreachable = new FhirError('transient', 'The database cannot be reached at the moment')
  const cause = { cause: unreachable }
  const lost = new FhirError('exception', 'The connection to the database was lost while this was committed', cause)
  const invite = async ({ subject }: { readonly subject: string }) => {
    throw subject === 'ann' ? lost : unreachable
  }
  const id = await add('carol', 'invite')
  const failing = { invitations: { invite }, reportFault: (fault: unknown) => faults.push(fault) }
  const refused = [
    'Something went wrong on this server, and it is not known whether it was done: look how they stand',
    'Something went wrong on this server',
  ]
  t.strictSame(await worked(id, failing), { isOver: true, refused })
  // Both are worked on at the same time.
  t.strictSame(new Set(faults), new Set([lost, unreachable]))
})

t.test('an action that fails each time is tried again, and ends with the last try', async t => {
  const faults: unknown[] = []
  const fault = new Error('the library does not load')
  const failing = {
    openStoreFor: () => {
      throw fault
    },
    reportFault: (reported: unknown) => faults.push(reported),
  }
  const id = await add('carol', 'remind')
  await t.rejects(worked(id, failing), fault)
  t.match(await readAction(database, id), { done: 0, refused: 0, isOver: false })
  const refused = ['Something went wrong on this server', 'Something went wrong on this server']
  t.strictSame(await worked(id, { ...failing, isLast: true }), { isOver: true, refused })
  t.strictSame(faults, [fault, fault])
})

t.test('an action is done for a few people at a time, and for each once', async t => {
  const targets = Array.from({ length: 20 }, (_, place) => `patient-${place}`)
  const id = await addAction(database, { person: 'carol', study: 'sleep', what: 'invite', way: 'any', targets })
  const done: string[] = []
  let [now, most] = [0, 0]
  const invitations = {
    invite: async ({ subject }: { readonly subject: string }) => {
      now += 1
      most = Math.max(most, now)
      await new Promise(resolve => setTimeout(resolve, 20))
      now -= 1
      if (subject === 'patient-7') throw new FhirError('business-rule', 'They have no address')
      done.push(subject)
    },
  }
  t.strictSame(await worked(id, { invitations }), { isOver: true, refused: ['They have no address'] })
  t.same(done.toSorted(), targets.filter(one => one !== 'patient-7').toSorted())
  t.equal(most, 4)
})

t.test('an action in progress is not begun again if sent twice, but can be once it is over', async t => {
  const asked = { person: 'dora', study: 'sleep', what: 'invite', way: 'any' } as const
  const start = (targets: readonly string[], more: object = {}) =>
    database.transaction(connection => addAction(connection, { ...asked, targets, ...more }))
  const [id, ...again] = await Promise.all([start(['ann', 'bob']), start(['ann', 'bob']), start(['ann', 'bob'])])
  t.same(new Set(again), new Set([id]))
  t.equal(await start(['bob']), id, 'also if only the remaining ones are sent')
  const others = [
    await start(['ann', 'eve']),
    await start(['ann'], { what: 'cancel' }),
    await start(['ann'], { way: 'sms' }),
    await start(['ann'], { person: 'emil' }),
    await start(['ann'], { study: 'steps' }),
  ]
  t.notOk(others.includes(id ?? ''))
  t.equal(new Set(others).size, others.length)
  invited.length = 0
  t.match(await worked(id ?? ''), { isOver: true })
  t.not(await start(['ann', 'bob']), id)
})

t.test('what the database does not do at the moment is done a little later', async t => {
  const done: string[] = []
  let isAway = true
  const invite = async ({ subject }: { readonly subject: string }) => {
    if (subject === 'ann' && isAway) {
      isAway = false
      throw new FhirError('transient', 'The database was busy with a conflicting change; try again')
    }
    done.push(subject)
  }
  t.strictSame(await worked(await add('carol', 'invite'), { invitations: { invite } }), { isOver: true, refused: [] })
  t.strictSame(done, ['bob', 'ann'])
})
