import t from 'tap'
import { lookedFor, ticked, typed, typedSecret } from '../../../src/web/page/typed.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
t.teardown(() => world.server.close())
const { lab, people, send } = world
const { manager } = people

t.test('a field is what was typed once, or empty if it was not sent', async t => {
  t.equal(typed({ name: 'a\u0000b\tc' }, 'name'), 'a b\tc')
  for (const body of [undefined, null, {}, { other: 'x' }, 'name=x']) t.equal(typed(body, 'name'), '')
  t.same(ticked({ name: ['a', 'b'] }, 'name'), ['a', 'b'])
})

t.test('of what is looked for, the beginning is taken, without half a letter', async t => {
  t.equal(lookedFor(new URLSearchParams({ name: ` x${'😀'.repeat(150)}` }), 'name'), `x${'😀'.repeat(99)}`)
})

t.test('a field that was sent twice or as a file is not taken for an empty one', async t => {
  for (const read of [typed, typedSecret])
    for (const name of [['a', 'a'], [], Buffer.from('a'), 1, {}])
      t.throws(() => read({ name }, 'name'), { status: 400, message: 'The field name must be sent once, and as text' })
})

t.test('a form with such a field does nothing at all', async t => {
  const { id } = await world.newStudy(lab.manager, lab.organization, 'nights', ['omh:heart-rate'])
  const page = `/studies/${id}/settings`
  const studyNow = async () => (await send('everything', 'GET', `ResearchStudy/${id}`)).body
  const before = await studyNow()
  const twice = (value: string) => [value, value]
  const practitioner = (await send('everything', 'GET', 'Practitioner?_count=1')).json().entry[0].resource.id
  const role = { role: 'researcher', from: '', until: '' }
  const forms = {
    staff: { code: practitioner, ...role, until: twice('2026-01-31') },
    'staff/0': { ...role, until: twice('2026-01-31') },
    data: { kind: 'omh:step-count', source: twice('a-band'), reason: 'Why' },
    paper: { paper: twice('yes') },
    policy: { policy: twice('none') },
    status: { status: twice('completed') },
  }
  for (const [name, fields] of Object.entries(forms)) {
    const answer = await manager.send(`${page}/${name}`, fields)
    const [sent] = Object.entries(fields).find(([, value]) => Array.isArray(value)) ?? []
    t.match([answer.status, wordsOf(answer)], [400, `The field ${sent} must be sent once, and as text.`], name)
  }
  t.equal(await studyNow(), before)

  const imports = '/patients/imports'
  const { body } = await manager.get(imports)
  const file = { field: 'study', name: 'study.csv', content: id }
  t.equal((await manager.sendFile(imports, file)).status, 400, 'a study that is sent as a file is not no study')
  t.equal((await manager.get(imports)).body.match(/imports\//g)?.length, body.match(/imports\//g)?.length)

  const _csrf = twice(/name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? '')
  t.equal((await manager.post(`${page}/status`, { _csrf, status: 'completed' })).status, 403)
})

t.test('patients are told in their language which field it is', async t => {
  const visitor = openBrowser(world.server, { headers: { 'accept-language': 'es' } })
  const answer = await visitor.send('/sign-in', { email: ['a@example.org', 'b@example.org'], password: 'x' })
  t.match([answer.status, wordsOf(answer)], [400, 'El campo email debe enviarse una sola vez, y como texto.'])
  t.notMatch(answer.body, 'a@example.org')
})
