import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { callers, clients } from './callers.ts'
import { addPatientAccounts, heartsFrom } from './own-studies.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
t.setTimeout(240_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })
await addPatientAccounts(world)
const signedIn = openSignedIn(world)

/** On the page of the study, with a name that occurs nowhere else. */
const sign = async (patient: string, study: string): Promise<string> => {
  const name = `Typed-by-${patient}`
  const { browser } = await signedIn(`person-${patient}`)
  const page = `/sharing/${study}`
  const { body } = await browser.send(page, await heartsFrom(browser, study, '2026-02-01'), page)
  const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(body)?.[1] ?? ''
  const hidden = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  const fields = Object.fromEntries(hidden.map(([, key = '', value = '']) => [key, value]))
  const { status } = await browser.post(`${page}/sign`, { ...fields, name })
  if (status !== 303) throw new Error(`${patient} has not signed: ${status}`)
  return name
}
const names = {
  ann: await sign('ann', 'open'),
  hal: await sign('hal', 'coded'),
  gil: await sign('gil', 'naming'),
  jon: await sign('jon', 'foreign'),
}

t.test('the name with which somebody signed is shown only to those who may read the Patient', async t => {
  let told = 0
  for (const caller of callers.filter(({ token, lets }) => token !== undefined && lets === undefined)) {
    const call = world.call(caller.token && (await world.token(caller.token)))
    const read = await call('GET', `Patient?_id=${Object.keys(names)}`)
    for (const path of [
      'Provenance?_count=1000',
      `Provenance?_content=${Object.values(names)}&_count=1000`,
      'Consent?_revinclude=Provenance:target&_count=1000',
      'Provenance/_history?_count=1000',
    ]) {
      const { status, body } = await call('GET', path)
      const { entry = [] } = status === 200 ? JSON.parse(body) : {}
      for (const [patient, name] of Object.entries(names)) {
        const isTold = JSON.stringify(entry).includes(name)
        t.notOk(isTold && !read.body.includes(`/Patient/${patient}"`), `${caller.name}: ${patient} by ${path}`)
        told += Number(isTold)
      }
    }
  }
  t.ok(told > 20, 'to them it is')
})

t.test('their own copy has it, and a decision without a name is shown as always', async t => {
  const { body } = await (await signedIn('person-hal')).browser.get('/sharing/coded/copy')
  t.match(body, names.hal)
  const keeper = world.call(
    await world.token({ subject: { kind: 'user', person: 'person-keeper' }, scope: 'user/*.rs' }),
  )
  const found = JSON.parse((await keeper('GET', 'Provenance?target=Consent/consent-coded-hal')).body)
  t.match(found.entry, [{ resource: { activity: { coding: [{ code: 'signed' }] } } }])
  t.equal(found.entry.length, 1)
})
