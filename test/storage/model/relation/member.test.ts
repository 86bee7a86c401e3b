import t from 'tap'
import { restrict } from '../../../../src/access/access.ts'
import { openCodeClasses } from '../../../../src/fhir/measured/code-class.ts'
import type { Member } from '../../../../src/search/expression.ts'
import { all } from '../../../../src/search/expression.ts'
import { compile } from '../../../../src/storage/compile/compile.ts'
import { storedRow } from '../../../../src/storage/row.ts'
import { sql } from '../../../../src/storage/sql.ts'
import { planOf } from '../../../support/plan.ts'
import * as w from '../world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { database, put } = world
await put(
  w.organization('uni'),
  w.organization('lab', 'uni'),
  w.organization('ward', 'lab'),
  w.organization('clinic'),
  { resourceType: 'Practitioner', id: 'ann' },
  w.role('ann', 'uni', 'viewer'),
  w.role('ann', 'lab', 'manager'),
  w.role('ann', 'clinic', 'manager', '2020-01-01'),
)

const asked = (reach: Member['reach'], role: Member['role']) => {
  const member: Member = { kind: 'member', of: 'self', reach, role, practitioner: 'ann' }
  const question = compile(
    restrict(() => all, 's', 'Organization', member),
    storedRow('Organization', 'row'),
    openCodeClasses(),
  )
  return sql.fragment`SELECT row.id FROM organization AS row WHERE ${question} ORDER BY row.id`
}

t.test('a role that is in force reaches its organization, and those above or below it', async t => {
  const reached = async (...[reach, role]: Parameters<typeof asked>) =>
    (await database.any<{ id: string }>(asked(reach, role))).map(({ id }) => id)
  t.strictSame(await reached('node', 'viewer'), ['lab', 'uni'])
  t.strictSame(await reached('node', 'manager'), ['lab'])
  t.strictSame(await reached('down', 'viewer'), ['lab', 'uni', 'ward'])
  t.strictSame(await reached('down', 'manager'), ['lab', 'ward'])
  t.strictSame(await reached('up', 'manager'), ['lab', 'uni'])
})

t.test(
  'the organizations that a role reaches below it are looked up, however many there are, and are not compared one by one',
  async t => {
    const [scan] = (await planOf(database, asked('down', 'manager'))).filter(
      step => step['Relation Name'] === 'organization',
    )
    t.match(scan?.Filter, /hashed SubPlan/)
  },
)
