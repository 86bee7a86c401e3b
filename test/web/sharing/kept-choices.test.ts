import { deflateRawSync } from 'node:zlib'
import t from 'tap'
import { seal } from '../../../src/storage/secret/sealed.ts'
import { type Browser, wordsOf } from '../../support/browser.ts'
import { openInvited, password } from '../invited.ts'

const world = await openInvited()
const { arrived, band, lab, send, study, text, update } = world
t.teardown(world.close)
t.setTimeout(280_000)

const page = `/sharing/${study.id}`
const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const chosen = { [hearts]: 'yes', [`${hearts}-from`]: '2026-01-01', [`${hearts}-until`]: '2050-12-31', [steps]: 'no' }
const cookie = 'sharewell-choices'
const consentsOf = async (patient: string): Promise<number> =>
  (await send('everything', 'GET', `Consent?patient=Patient/${patient}&_summary=count`)).json().total

const hiddenIn = (body: string, action: string): Readonly<Record<string, string>> => {
  const form = [...body.matchAll(/<form method="post" action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)]
  const [, , inputs = ''] = form.find(([, to]) => to === action) ?? []
  const hidden = [...inputs.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  return Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]))
}
/** Fills in the form, and sends it after the session has ended. Answers where that leads. */
const sendLate = async (own: Browser, fields = chosen, { action = page, name = '' } = {}): Promise<string> => {
  const shown = hiddenIn((await own.get(page)).body, page)
  own.cookies.delete('sharewell-session')
  const { status, location = '' } = await own.post(action, { ...shown, ...fields, ...(name !== '' && { name }) })
  t.equal(status, 303)
  return location
}
const signIn = (own: Browser, location: string, email: string) =>
  own.send(location, { email, password }, '/sign-in').then(({ location: to = '' }) => own.get(to))
const isShown = ({ body }: { readonly body: string }) =>
  body.includes(`name="${hearts}-until" type="text"`) && body.includes('value="31 December 2050"')
const kept = /What you chose is here again, and nothing of it is signed yet/

t.test(
  'choices that are sent after the session has ended are there after signing in, unsigned, until signed or declined',
  async t => {
    const { browser: own, patient, email } = await arrived('Quim')
    const location = await sendLate(own)
    t.equal(location, `/sign-in?continue=${encodeURIComponent(page)}&unsaved=kept`)
    t.match(
      wordsOf(await own.get(location)),
      /nothing that you sent was saved or done\. Sign in, and you find what you chose/,
    )
    const back = await signIn(own, location, email)
    t.match([back.status, wordsOf(back)], [200, kept])
    t.ok(isShown(back))
    t.match(back.body, new RegExp(`name="${steps}" value="no" checked`))
    t.match(back.body, 'id="choices" data-typed')
    t.equal(await consentsOf(patient.id), 0)
    const preview = await own.post(page, { ...hiddenIn(back.body, page), ...chosen })
    t.match([preview.status, wordsOf(preview)], [200, /until 31 December 2050/])
    const again = await own.get(page)
    t.match(wordsOf(again), kept, 'going back in the browser shows them again, without what is to end')
    t.ok(isShown(again))
    const signed = { ...hiddenIn(preview.body, `${page}/sign`), name: 'Quim' }
    t.match(await own.post(`${page}/sign`, signed), { status: 303 })
    t.equal(await consentsOf(patient.id), 1)
    t.notMatch(wordsOf(await own.get(page)), kept)
    const late = await signIn(own, await sendLate(own), email)
    t.match(wordsOf(late), kept)
    await own.post(`${page}/decline`, hiddenIn(late.body, page))
    t.notMatch(wordsOf(await own.get(page)), kept)
  },
)

t.test('a name that was typed to sign is there again for signing', async t => {
  const { browser: own, patient, email } = await arrived('Nina')
  const back = await signIn(own, await sendLate(own, chosen, { action: `${page}/sign`, name: 'Nina N.' }), email)
  t.match(wordsOf(back), kept)
  const preview = await own.post(page, { ...hiddenIn(back.body, page), ...chosen })
  t.match(preview.body, 'value="Nina N."')
  t.equal(await consentsOf(patient.id), 0)
})

t.test('a form with a field twice is not kept, so that the page of the study can be opened', async t => {
  const { browser: own } = await arrived('Quincy')
  const shown = hiddenIn((await own.get(page)).body, page)
  const session = own.cookies.get('sharewell-session') ?? ''
  own.cookies.delete('sharewell-session')
  t.match(await own.post(page, { ...shown, ...chosen, [hearts]: ['yes', 'no'] }), { status: 401 })
  t.notOk(own.cookies.has(cookie))
  own.cookies.set('sharewell-session', session)
  const again = await own.get(page)
  t.equal(again.status, 200)
  t.notMatch(wordsOf(again), kept)
})

t.test('if the text has changed since, that is said as it is to somebody who is still signed in', async t => {
  const { browser: own, email } = await arrived('Tessa')
  const location = await sendLate(own)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  await update(lab.manager, { ...stored, extension: [...stored.extension, text('2')] })
  const back = await signIn(own, location, email)
  t.match(wordsOf(back), /The text to sign has changed since you opened this page/)
  t.ok(isShown(back))
})

t.test('one person’s choices are not shown to anybody else who signs in with the same browser', async t => {
  const [mine, other] = [await arrived('Pia'), await arrived('Pablo')]
  const location = await sendLate(mine.browser)
  const seen = await signIn(mine.browser, location, other.email)
  t.equal(seen.status, 200)
  t.notMatch(wordsOf(seen), kept)
  t.notOk(isShown(seen))
  t.notOk(isShown(await signIn(mine.browser, `${location}&prompt=login`, mine.email)), 'they are gone after that')
})

t.test('choices are kept for half an hour, and only if this server sealed them', async t => {
  const { browser: own } = await arrived('Lena')
  const { body } = await own.get(page)
  const sealed = async (until: number, key = 7) => {
    const content = { page, until, body: { ...hiddenIn(body, page), ...chosen } }
    const deflated = deflateRawSync(JSON.stringify(content)).toString('base64url')
    return seal(Buffer.alloc(32, key), 'choices of a consent', deflated)
  }
  const later = Date.now() + 60_000
  for (const [value, isKept] of [
    [await sealed(later), true],
    [await sealed(Date.now() - 1000), false],
    [await sealed(later, 8), false],
    ['nothing-of-the-kind', false],
  ] as const) {
    own.cookies.set(cookie, value)
    const shown = await own.get(page)
    t.equal(shown.status, 200)
    t.equal(isShown(shown), isKept, value.slice(0, 20))
    t.equal(own.cookies.has(cookie), isKept)
  }
})

t.test(
  'choices too long for a cookie are in the answer, to be checked before signing, unless another site sent them',
  async t => {
    const { browser: own, patient } = await arrived('Lola')
    const session = own.cookies.get('sharewell-session') ?? ''
    const random = Array.from({ length: 3000 }, () => Math.random().toString(36).slice(2, 4)).join('')
    const hidden = hiddenIn((await own.get(page)).body, page)
    own.cookies.delete('sharewell-session')
    const late = await own.post(`${page}/sign`, { ...hidden, ...chosen, name: 'Lola L.', more: random })
    t.match([late.status, wordsOf(late)], [401, /Nothing was saved or done/])
    t.notOk(own.cookies.has(cookie))
    own.cookies.set('sharewell-session', session)
    const preview = await own.post(page, hiddenIn(late.body, page))
    t.match([preview.status, preview.body], [200, 'value="Lola L."'])
    t.equal(await consentsOf(patient.id), 0)
    own.cookies.delete('sharewell-session')
    t.equal((await own.post(page, { ...chosen, _csrf: 'of-another-site' })).status, 403)
    t.notOk(own.cookies.has(cookie))
  },
)
