import t from 'tap'
import { openRandom } from '../oracle/random.ts'
import { gatherPageRoutes } from './page-routes.ts'
import { openTable, pageTable } from './page-table.ts'
import { openTenants } from './tenants.ts'

/** Nonsense for the fields of forms. A failure can be repeated with its seed. */
const seed = Number(process.env.FORMS_SEED ?? 4)
const sendings = 300

const routes = gatherPageRoutes()
const world = await openTenants()
t.teardown(() => world.server.close())
const { browsers, addressOf } = await openTable(world)

/** These end what the others need: an account, its session, an organization, an app. */
const ending = /sign-out|password|close|subject\/end|sessions|second-factor|\/account\/email|remove|apps\/:app|\/open$/
const shown = (method: string) =>
  routes.filter(one => one.method === method && (pageTable[one.path]?.may.length ?? 0) > 0).map(({ path }) => path)
const pages = shown('GET')
const forms = shown('POST').filter(path => !ending.test(path))
const seenBy = (path: string) => (pageTable[path]?.may ?? []).map(role => browsers[role])

const strange = [
  ...['', ' ', 'x', '\u0000', 'a\u0000b', '\ufffd', '😀', '\u202e', '\uffff', 'é'.repeat(300), 'x'.repeat(70_000)],
  ...['<b>', "' OR 1=1", '%00', '&#0;', 'a\r\nb', 'a,b', '{"a":1}', '__proto__', 'constructor', 'null', 'on', 'zz'],
  ...['0', '-1', '1e309', 'NaN', '9007199254740993', '99999999999999999999', '../..', 'javascript:alert(1)'],
  ...[
    '2026-13-45',
    '2026-02-30',
    '0000-00-00',
    '9999-12-31',
    '10000-01-01',
    '2026-01-01T00:00',
    'Etc/Unknown',
    'GMT+25',
  ],
]

type Field = { readonly name: string; readonly value: string }

const fieldsIn = (form: string): readonly Field[] =>
  [...form.matchAll(/<(?:input|select|textarea|button)[^>]*\bname="([^"]+)"(?:[^>]*\bvalue="([^"]*)")?/g)].map(
    ([, name = '', value = '']) => ({ name, value }),
  )

/** By the address to which they are sent. */
const fieldsByAddress = new Map<string, readonly Field[]>()

t.before(async () => {
  for (const path of pages) {
    const { body } = (await seenBy(path)[0]?.get(addressOf(path))) ?? { body: '' }
    for (const [form, action = ''] of body.matchAll(/<form[^>]*action="([^"?]*)[^"]*"[\s\S]*?<\/form>/g)) {
      const others = fieldsByAddress.get(action) ?? []
      fieldsByAddress.set(action, [...others, ...fieldsIn(form).filter(({ name }) => name !== '_csrf')])
    }
  }
})

t.test('whatever is sent in the fields of a form, the answer is not an internal error', async t => {
  const random = openRandom(seed, 'forms')
  const typedIn = ({ value }: Field) => (random.chance(0.5) ? value : random.pick(strange))
  const statuses = new Set<number>()
  for (let count = 0; count < sendings; count += 1) {
    const path = random.pick(random.chance(0.8) ? forms : pages)
    const browser = random.pick(seenBy(path))
    const fields = (fieldsByAddress.get(addressOf(path)) ?? []).filter(() => random.chance(0.9))
    const sent = Object.fromEntries(fields.map(field => [field.name, typedIn(field)]))
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''
    const { status } = forms.includes(path)
      ? await browser.post(addressOf(path), { _csrf, ...sent })
      : await browser.get(`${addressOf(path)}?${new URLSearchParams(sent)}`)
    statuses.add(status)
    if (status >= 500) t.fail(`FORMS_SEED=${seed}: ${status} ${path} ${JSON.stringify(sent).slice(0, 500)}`)
  }
  t.ok(
    [200, 303, 404, 409, 422].every(one => statuses.has(one)),
    `some are taken, others refused: ${[...statuses]}`,
  )
})
