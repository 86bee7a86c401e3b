import t from 'tap'
import { startSession } from '../../../src/storage/account/session.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const signedIn = async (person: string, device: string) => {
  const browser = openBrowser(server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device }))
  return browser
}
const page = '/account/sessions'

t.test('somebody sees where they are signed in, and signs out there', async t => {
  const phone = await signedIn('ana', 'Safari on iPhone')
  const own = await signedIn('ana', 'Firefox on Linux')
  const others = await signedIn('ben', 'Edge on Windows')
  t.match(
    wordsOf(await own.get(page)),
    /Firefox on Linux \(this browser\) Signed in .* UTC Safari on iPhone Signed in .* Sign out/,
  )
  t.notMatch(wordsOf(await own.get(page)), /Edge/)
  t.match(await own.send(page, {}), { status: 303, location: `${page}?done=ended` })
  t.match(wordsOf(await own.get(`${page}?done=ended`)), /You are signed out there\./)
  t.match(await phone.get(page), { status: 303, location: /^\/sign-in/ })
  t.match(await own.get(page), { status: 200 })
  t.match(await others.get(page), { status: 200 })
})

t.test('nobody can end somebody else’s session', async t => {
  const [cleo, _tablet] = [await signedIn('cleo', 'Firefox on Linux'), await signedIn('cleo', 'Chrome on Android')]
  const dora = await signedIn('dora', 'Firefox on Linux')
  await signedIn('dora', 'Chrome on Android')
  const session = /name="session" value="([^"]*)"/.exec((await cleo.get(page)).body)?.[1] ?? ''
  t.match(await dora.send(page, { session }), { status: 303, location: /sessions$/ }, 'it looks as if it was')
  t.match(wordsOf(await cleo.get(page)), /Chrome on Android/)
})

t.test('all other sessions can be ended at once', async t => {
  const browsers = [await signedIn('emil', 'a'), await signedIn('emil', 'b'), await signedIn('emil', 'c')]
  const [first, ...others] = browsers
  t.match(await first?.send(page, {}, '/account/sessions/end-others'), { status: 303, location: `${page}?done=others` })
  t.match(await first?.get(page), { status: 200 })
  for (const other of others) t.match(await other.get(page), { status: 303, location: /^\/sign-in/ })
})
