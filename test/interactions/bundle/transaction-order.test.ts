import t from 'tap'
import type { Placed } from '../../../src/interactions/bundle/transaction-claims.ts'
import { inOrder } from '../../../src/interactions/bundle/transaction-order.ts'
import { findExistingAmong } from '../../../src/interactions/conditional-create.ts'
import type { Context } from '../../../src/interactions/interaction.ts'

const urn = (index: number) => `urn:uuid:00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
const created = (index: number, { body = {}, ifNoneExist }: { body?: object; ifNoneExist?: string } = {}): Placed => ({
  index,
  id: String(index),
  target: `Observation/${index}`,
  fullUrl: urn(index),
  interaction: { name: 'create', method: 'POST', prepare: () => undefined } as unknown as Placed['interaction'],
  request: {
    type: 'Observation',
    body: { resourceType: 'Observation', ...body },
    headers: ifNoneExist === undefined ? {} : { ifNoneExist },
    query: new URLSearchParams(),
  } as unknown as Placed['request'],
})

t.test('a chain of many entries is ordered in linear time, and written in a hundred steps and one', async t => {
  const entries = Array.from({ length: 20_000 }, (_, index) =>
    created(index, { body: { derivedFrom: [{ reference: urn(index - 1) }] } }),
  )
  const waves = inOrder(entries.toReversed())
  t.equal(waves.length, 101)
  t.same(
    waves.slice(0, 3).map(wave => wave.map(({ index }) => index)),
    [[0], [1], [2]],
  )
  t.equal(new Set(waves.flat()).size, entries.length, 'each once')
})

t.test('entries that refer to each other are written once, also if another may find them', async t => {
  const refersTo = (reference: string) => ({ body: { derivedFrom: [{ reference }] } })
  const circle = [created(1, refersTo(urn(2))), created(2, refersTo(urn(1)))]
  const waves = inOrder([created(3, refersTo('Observation?identifier=1')), ...circle])
  t.same(
    waves.map(wave => wave.map(({ index }) => index)),
    [[1, 2], [3]],
  )
})

t.test('what is put is written by the ids that clients chose, and what is posted as it was sent', async t => {
  const put = (index: number, target: string): Placed => ({
    ...created(index),
    target,
    interaction: { name: 'update', method: 'PUT', prepare: () => undefined } as unknown as Placed['interaction'],
  })
  const waves = inOrder([put(0, 'Observation/b'), put(1, 'Observation/a'), created(3), created(2)])
  t.same(
    waves.map(wave => wave.map(({ index }) => index)),
    [[2, 3, 1, 0]],
  )
})

t.test('conditional creates to which nothing refers are not looked up beforehand', async t => {
  const entries = Array.from({ length: 5000 }, (_, index) => created(index, { ifNoneExist: `identifier=${index}` }))
  const found = await findExistingAmong(entries, {} as Context)
  t.equal(found.size, 0)
})
