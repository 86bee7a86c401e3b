import t from 'tap'
import type { Access } from '../../../src/access/access.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { all } from '../../../src/search/expression.ts'
import { readMeta } from '../../../src/storage/search/meta.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)

t.test('the labels are those of what the caller may search, and of nothing that they may only read', async t => {
  const labelled = (id: string, code: string) => ({ ...w.registered(id, 'lab'), meta: { tag: [{ code }] } })
  await put(w.organization('lab'), labelled('ann', 'found'), labelled('bob', 'read'))
  const access: Access = action => (action === 's' ? { kind: 'identified', ids: ['ann'] } : all)
  const meta = await readMeta(database, { access, classes: openCodeClasses() }, ['Patient'])
  t.strictSame(meta, { tag: [{ code: 'found' }] })
})
