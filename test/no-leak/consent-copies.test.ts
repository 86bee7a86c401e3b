import t from 'tap'
import * as w from '../storage/model/world.ts'
import { openBrowser, type Shown, wordsOf } from '../support/browser.ts'
import * as facts from './facts.ts'
import { addPatientAccounts, heartsFrom } from './own-studies.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

/**
 * The copy of a consent says that somebody is in a study, what they share with it, from when until when, and the name that they typed. It is only
 * theirs, even after it or their place has ended.
 */
const world = await openNoLeakWorld()
const { server, everything } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const signedIn = openSignedIn(world)
const anonymous = ({ status, body }: Shown) => [status, body.replace(/this number: [\w-]+/, '')]
const patients = await addPatientAccounts(world)
const persons = [...patients.keys(), ...facts.practitioners.map(id => `person-${id}`)]
const nameOf = (person: string, study: string) => `secret-name-of-${person}-in-${study}`

const sign = async (person: string, study: string) => {
  const { browser } = await signedIn(person)
  const page = `/sharing/${study}`
  const preview = await browser.send(page, await heartsFrom(browser, study, '2026-02-01'), page)
  const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(preview.body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  const hidden = Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value]))
  const { status, body } = await browser.post(`${page}/sign`, { ...hidden, name: nameOf(person, study) })
  if (status !== 303) throw new Error(`${person} cannot sign for ${study}: ${status} ${body}`)
}

/** Who signed for what, and what became of it; `named` if they typed their name on our page. */
const signed: readonly { readonly person: string; readonly study: string; readonly named?: true }[] = [
  { person: 'person-ann', study: 'open', named: true },
  { person: 'person-bob', study: 'open', named: true },
  { person: 'person-lou', study: 'open' },
  { person: 'person-pat', study: 'open', named: true },
  // Their place has ended.
  { person: 'person-eve', study: 'open', named: true },
  { person: 'person-fay', study: 'open' },
  { person: 'person-hal', study: 'coded', named: true },
  // The study has ended.
  { person: 'person-ida', study: 'over' },
  { person: 'person-ida', study: 'naming', named: true },
  { person: 'person-gil', study: 'naming', named: true },
  { person: 'person-jon', study: 'foreign', named: true },
  // They have stopped.
  { person: 'person-may', study: 'keeping', named: true },
]

for (const { person, study } of signed.filter(({ named }) => named)) await sign(person, study)
// Cat and kim have signed nothing.
for (const patient of ['eve', 'cat', 'kim'])
  await everything('PUT', `ResearchSubject/open-${patient}`, w.enrols('open', patient, 'withdrawn'))
const { browser: mays, _csrf: maysToken } = await signedIn('person-may')
await mays.post('/sharing/keeping/decline', { _csrf: maysToken })

const own = (person: string, study: string) => signed.find(one => one.person === person && one.study === study)
const namesIn = ({ body }: Shown) => body.match(/secret-[\w-]+/g) ?? []

t.test('a copy can be read by whoever signed it, and names nobody else', async t => {
  for (const { person, study, named } of signed) {
    const { browser } = await signedIn(person)
    for (const copy of [`/sharing/${study}/copy`, `/sharing/${study}/copy?file`]) {
      const shown = await browser.get(copy)
      t.equal(shown.status, 200, `${person}: ${copy}`)
      t.strictSame(namesIn(shown), named ? [nameOf(person, study)] : [], `${person}: ${copy}`)
    }
  }
})

t.test('nobody else can read one', async t => {
  for (const person of persons) {
    const { browser } = await signedIn(person)
    const none = anonymous(await browser.get('/sharing/nothing-of-the-kind/copy'))
    t.equal(none[0], 404)
    for (const { id } of facts.studies.filter(one => own(person, one.id) === undefined))
      for (const copy of [`/sharing/${id}/copy`, `/sharing/${id}/copy?file`])
        t.strictSame(anonymous(await browser.get(copy)), none, `${person}: ${copy}`)
  }
})

t.test('a copy says what has become of the consent', async t => {
  const copyOf = async (person: string, study: string) =>
    wordsOf(await (await signedIn(person)).browser.get(`/sharing/${study}/copy`))
  const running = await copyOf('person-ann', 'open')
  t.match(running, /What you share/)
  t.notMatch(running, /has ended|Ended/)
  t.match(await copyOf('person-eve', 'open'), /Your place in this study has ended\. .* What you shared/)
  t.match(await copyOf('person-may', 'keeping'), /Ended .* What you shared/)
})

t.test('somebody who is not signed in is sent to sign-in, and reads nothing of it', async t => {
  const nobody = openBrowser(server)
  for (const { id } of facts.studies) {
    const location = `/sign-in?continue=%2Fsharing%2F${id}%2Fcopy`
    t.match(await nobody.get(`/sharing/${id}/copy`), { status: 303, location, body: '' }, id)
  }
})
