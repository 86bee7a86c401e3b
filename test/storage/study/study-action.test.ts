import t from 'tap'
import { addAction, endAction } from '../../../src/storage/study/study-action.ts'
import * as w from '../model/world.ts'

const { database, close } = await w.openWorld()
t.teardown(close)

const asked = {
  person: 'ann',
  study: 'sugar',
  what: 'remind',
  way: 'email',
  targets: ['one', 'two', 'three'],
} as const
type Asked = Parameters<typeof addAction>[1]
const add = (more: Partial<Asked> = {}) =>
  database.transaction(connection => addAction(connection, { ...asked, ...more }))

t.test('what is under way for all of them already is not done once more; once it is over, it is', async t => {
  const id = await add()
  t.strictSame([await add(), await add({ targets: ['three', 'one'] })], [id, id])
  await endAction(database, id, 'cut short')
  t.not(await add(), id)
})

t.test('anything else is done as well, however much of it is the same', async t => {
  const others: Readonly<Record<string, Partial<Asked>>> = {
    'by somebody else': { person: 'ben' },
    'in another study': { study: 'hearts' },
    'something else': { what: 'cancel' },
    'in another way': { way: 'sms' },
    'for somebody more': { targets: ['one', 'four'] },
  }
  const id = await add()
  for (const [name, more] of Object.entries(others)) t.not(await add(more), id, name)
})
