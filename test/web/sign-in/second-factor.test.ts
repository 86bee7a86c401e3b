import t from 'tap'
import { useRecoveryCode, useTimeStep } from '../../../src/storage/account/second-factor.ts'
import { endSessions, sessionsOf, startSession } from '../../../src/storage/account/session.ts'
import { takeStep } from '../../../src/storage/account/sign-in-step.ts'
import { sql } from '../../../src/storage/sql.ts'
import { codeOf, keyIn } from '../../support/authenticator.ts'
import { type Browser, type Shown, wordsOf } from '../../support/browser.ts'
import { linkIn } from '../../support/mailbox.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { openPeople, password, recoveryCodesIn } from '../people.ts'

const world = await openPeople()
const { database, mailbox, newAccount, begin, signedIn, setUp, protectedAccount, forgetCodes } = world
t.teardown(world.close)

const toCode = { status: 303, location: '/second-factor?' }
const tokenIn = ({ body }: Shown): string => /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''

const isIn = { status: 303, location: '/account' }

t.test('somebody sets up an authenticator with their password and a code, and is asked for codes then', async t => {
  const { email } = await newAccount('ana')
  const [own, elsewhere] = [await signedIn(email), await signedIn(email)]
  t.match(wordsOf(await own.get('/account/second-factor')), /It is turned off\. Set up an authenticator app/)
  t.match(await own.send('/account/second-factor/set-up', { password: 'wrong' }), {
    status: 422,
    body: /This is not the password of your account\./,
  })
  t.match(await own.send('/account/second-factor/set-up', { password: '' }), {
    status: 422,
    body: /Enter your password/,
  })
  t.match(await own.send('/account/second-factor/set-up', { password }), {
    status: 303,
    location: '/second-factor?continue=%2Faccount%2Fsecond-factor',
  })
  const page = await own.get('/second-factor?continue=%2Faccount%2Fsecond-factor')
  const key = keyIn(page)
  const uri = `otpauth://totp/Sharewell:ana%40example.org?issuer=Sharewell&amp;secret=${key}&amp;algorithm=SHA1&amp;digits=6&amp;period=30`
  t.ok(page.body.includes(`href="${uri}"`), 'a link adds it to the authenticator')
  t.match(page.body, 'You have ten minutes for this.')
  t.match(page.body, /<svg class="picture" viewBox="0 0 \d+ \d+" role="img"/)
  t.notMatch(page.body, /style=|<style|\son[a-z]+=/, 'nothing that our policy for pages would not allow')
  t.match(await own.send('/second-factor', { code: '12345' }), {
    status: 422,
    body: /This code is not right\. .* picture and key are new ones, .* the clock of your phone may be wrong/,
  })
  t.match(await own.send('/second-factor', { code: ' ' }), { status: 422, body: /Enter the six digits that your/ })
  t.match(await elsewhere.get('/account'), { status: 200 }, 'nothing changes before a code was right')

  const done = await own.send('/second-factor?continue=%2Faccount%2Fsecond-factor', { code: await codeOf(key) })
  t.match(done, { status: 200, body: /href="\/account\/second-factor">I have kept them/ })
  t.equal(new Set(recoveryCodesIn(done)).size, 10)
  t.match(done.body, /d-print-block">Sharewell, <time/, 'paper says where the codes belong, and since when')
  t.match(await mailbox.next(), { to: email, subject: 'A second factor protects your Sharewell account' })
  t.match(wordsOf(await own.get('/account/second-factor')), /It is turned on.* Unused recovery codes: 10/)
  t.match(await own.get('/second-factor'), { status: 410 }, 'the step is over')
  t.match(await elsewhere.get('/account'), { status: 303, location: /^\/sign-in/ }, 'all other browsers are signed out')

  const { browser, answer } = await begin(email, '/account/apps')
  t.match(answer, { status: 303, location: '/second-factor?continue=%2Faccount%2Fapps' })
  t.equal(browser.cookies.get('sharewell-session'), undefined)
  t.match(await browser.get('/account'), { status: 303, location: /^\/sign-in/ }, 'the password alone opens nothing')
  const code = await codeOf(key, 1)
  t.has(
    await browser.send('/second-factor?continue=%2Faccount%2Fapps', {
      code: ` ${code.slice(0, 3)} ${code.slice(3)}`,
    }),
    { status: 303, location: '/account/apps' },
  )
  t.match(await browser.get('/account/apps'), { status: 200 })
})

t.test('somebody who starts again with another account still gets to where they were going', async t => {
  const { email } = await protectedAccount('quinn')
  const { browser, answer } = await begin(email, '/account/apps')
  const page = await browser.get(answer.location ?? '')
  t.match(page.body, '<a href="/sign-in?continue=%2Faccount%2Fapps&amp;prompt=login">')
})

t.test('a session that was started without the code is invalid, however it was started', async t => {
  const { person } = await protectedAccount('ben')
  const browser = world.browser()
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'x' }))
  t.match(await browser.get('/account'), { status: 303 })
})

t.test('a code is right for a minute and a half, once, and no earlier one afterwards', async t => {
  const { email, person, key } = await protectedAccount('cleo')
  const { browser } = await begin(email)
  for (const halfMinutes of [-2, 2]) {
    const code = await codeOf(key, halfMinutes)
    t.match(await browser.send('/second-factor', { code }), { status: 422 }, `${halfMinutes} half minutes off`)
  }
  for (const halfMinutes of [-1, 0, 1]) {
    const { browser } = await begin(email)
    t.match(await browser.send('/second-factor', { code: await codeOf(key, halfMinutes) }), isIn)
  }
  for (const halfMinutes of [-1, 0, 1])
    t.match(await browser.send('/second-factor', { code: await codeOf(key, halfMinutes) }), {
      status: 422,
      body: /is used already/,
    })
  await forgetCodes(person)
})

t.test('if many use one code at once, one gets in', async t => {
  const { email, key, person, recoveryCodes } = await protectedAccount('dora')
  const waiting = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const { browser } = await begin(email)
      return { browser, _csrf: tokenIn(await browser.get('/second-factor')) }
    }),
  )
  for (const code of [await codeOf(key), recoveryCodes[0] ?? '']) {
    const answers = await Promise.all(
      waiting.map(({ browser, _csrf }) => browser.post('/second-factor', { code, _csrf })),
    )
    t.equal(answers.filter(({ status }) => status === 303).length, 1)
  }
  await mailbox.next()
  const { authenticator } = await database.one<{ authenticator: string }>(
    sql.fragment`SELECT authenticator FROM user_account WHERE person = ${person}`,
  )
  await forgetCodes(person)
  const fifty = async (use: () => Promise<boolean>) =>
    (await Promise.all(Array.from({ length: 50 }, use))).filter(Boolean).length
  t.equal(await fifty(() => useTimeStep(database, person, { authenticator, timeStep: 7 })), 1)
  const replaced = { authenticator: 'of the app before', timeStep: 8 }
  t.equal(
    await useTimeStep(database, person, replaced),
    false,
    'nor with a code of an authenticator that was replaced meanwhile',
  )
  const code = recoveryCodes[1]?.replaceAll('-', '') ?? ''
  t.equal(await fifty(() => useRecoveryCode(database, person, code)), 1)
})

t.test('one step signs in once, even with two right codes', async t => {
  const { email, person, key, recoveryCodes } = await protectedAccount('emil')
  // Whether the recovery code is used, too, depends on which comes first; no letter tells of it.
  await database.run(sql.fragment`UPDATE user_account SET verified_at = NULL WHERE person = ${person}`)
  const { browser } = await begin(email)
  const _csrf = tokenIn(await browser.get('/second-factor'))
  const cookies = new Map(browser.cookies)
  const codes = [await codeOf(key), recoveryCodes[0] ?? '']
  const answers = await Promise.all(codes.map(code => browser.post('/second-factor', { code, _csrf })))
  t.same(answers.map(({ status }) => status).toSorted(), [303, 410])
  const again = world.browser()
  for (const [name, value] of cookies) again.cookies.set(name, value)
  t.match(await again.get('/second-factor'), { status: 410, body: /Please sign in again/ })
})

t.test('a recovery code is right once, however it is typed, and its owner is told', async t => {
  const { email, recoveryCodes } = await protectedAccount('finn')
  const [code = ''] = recoveryCodes
  const { browser } = await begin(email)
  t.match(
    wordsOf(await browser.get('/second-factor?lost=')),
    /Enter a recovery code .*ask the people who run this site/,
  )
  t.match(await browser.send('/second-factor?lost=', { code: 'AAAA-AAAA-AAAA-AAAA' }), {
    status: 422,
    body: /Enter a recovery code/,
  })
  t.match(wordsOf(await browser.send('/second-factor', { lost: 'yes', code: '' })), /Enter one of your recovery codes/)
  t.match(wordsOf(await browser.send('/second-factor', { code: '' })), /Enter the six digits that your/)
  t.match(await browser.send('/second-factor?lost=', { code: ` ${code.toLowerCase().replace('-', ' ')}` }), {
    status: 303,
    location: '/account/second-factor?done=recovered',
  })
  t.match(await mailbox.next(), { to: email, subject: /recovery code .* was used/, text: /Unused ones: 9\./ })
  const later = await begin(email)
  t.match(await later.browser.send('/second-factor', { code }), { status: 422 })
})

t.test('whoever signs in with a recovery code is led to where another app takes the place of the lost one', async t => {
  const { email, recoveryCodes } = await protectedAccount('rosa')
  const [code = ''] = recoveryCodes
  const { browser } = await begin(email)
  const { location = '' } = await browser.send('/second-factor?lost=', {
    lost: 'yes',
    code,
    continue: '/account/data?a=b',
  })
  t.equal(location, '/account/second-factor?done=recovered&continue=%2Faccount%2Fdata%3Fa%3Db')
  await mailbox.next()
  const shown = await browser.get(location)
  t.match(
    wordsOf(shown),
    /You signed in with a recovery code, .* Use another app I still have the app: go on It is turned on/,
  )
  t.match(shown.body, '<a href="/account/data?a=b">I still have the app')
  const another = '/account/second-factor/set-up?continue=%2Faccount%2Fdata%3Fa%3Db'
  t.match(shown.body, `<a href="${another}">Use another app`)
  t.match(
    (await browser.get(another)).body,
    '<input type="hidden" name="continue" value="/account/data?a=b">',
    'on the way',
  )
  const elsewhere = '/account/second-factor?done=recovered&continue=https%3A%2F%2Fevil.example'
  t.match((await browser.get(elsewhere)).body, '<a href="/account">I still have the app')
  t.notMatch(wordsOf(await browser.get('/account/second-factor')), /You signed in with a recovery code/)
})

t.test('an app that waits for its window is not cut off from it by what a recovery code leads over', async t => {
  const { email, recoveryCodes } = await protectedAccount('wanda')
  const [code = ''] = recoveryCodes
  const { browser } = await begin(email)
  const asked = { lost: 'yes', code, continue: '/authorize/x' }
  const { location = '' } = await browser.send('/second-factor?lost=', asked)
  await mailbox.next()
  const another = '/account/second-factor/set-up?continue=%2Fauthorize%2Fx'
  const shown = {
    recovered: await browser.get(location),
    another: await browser.get(another),
    refused: await browser.send(another, { continue: '/authorize/x', password: 'wrong', code: '' }),
  }
  t.same(
    Object.entries(shown).map(([name, { status, headers }]) => [name, status, headers['cross-origin-opener-policy']]),
    [
      ['recovered', 200, undefined],
      ['another', 200, undefined],
      ['refused', 422, undefined],
    ],
  )
})

t.test('a code that was answered 503 lets in when it is sent again, and then no more', async t => {
  const { email, key, recoveryCodes } = await protectedAccount('frida')
  const [recovery = ''] = recoveryCodes
  for (const code of [recovery, await codeOf(key)]) {
    const { browser } = await begin(email)
    const away = await whileGoneAt(database, 'user_session', () => browser.send('/second-factor', { code }))
    t.match(away, { status: 503, body: /We cannot answer at the moment/ })
    t.match(await browser.send('/second-factor', { code }), { status: 303 })
    const later = await begin(email)
    t.match(await later.browser.send('/second-factor', { code }), { status: 422 })
  }
  t.match(await mailbox.next(), { to: email, text: /Unused ones: 9\./ }, 'they are told once, when it is used')
})

t.test('after ten wrong codes none is accepted for a while, and the owner is told once', async t => {
  const { email, person, key } = await protectedAccount('gwen')
  const { browser } = await begin(email)
  const waiting: Browser[] = []
  for (let count = 0; count < 14; count += 1) waiting.push((await begin(email)).browser)
  const tries = await Promise.all(waiting.map(async one => (await one.send('/second-factor', { code: 'abc' })).status))
  t.same(tries.toSorted(), [...Array(10).fill(422), ...Array(4).fill(429)])
  const refused = await browser.send('/second-factor', { code: await codeOf(key) })
  t.match(refused, { status: 429, body: /Please wait 15 minutes/ })
  t.match(await mailbox.next(), { to: email, subject: 'Wrong codes were entered for your Sharewell account' })
  await database.run(sql.fragment`UPDATE attempt SET expires_at = expires_at - interval '15 minutes'`)
  t.match(await browser.send('/second-factor', { code: await codeOf(key) }), isIn)
  await forgetCodes(person)
})

t.test('after fifty tries in a day none is accepted before the day is over, though some were right', async t => {
  const { email, person, key } = await protectedAccount('hanna')
  const enter = async (code: string) => {
    const { browser } = await begin(email)
    return (await browser.send('/second-factor', { code })).status
  }
  for (let round = 0; round < 5; round += 1) {
    for (let count = 0; count < 9; count += 1) await enter('wrong')
    await forgetCodes(person)
    t.equal(await enter(await codeOf(key)), 303, `round ${round}`)
  }
  await forgetCodes(person)
  t.equal(await enter(await codeOf(key)), 429)
  t.match(await mailbox.next(), { subject: 'Wrong codes were entered for your Sharewell account' })
  await database.run(sql.fragment`UPDATE attempt SET expires_at = expires_at - interval '1 day'`)
  t.equal(await enter(await codeOf(key)), 303)
})

t.test('the step in between belongs to one browser, and ends after ten minutes', async t => {
  const { email, key } = await protectedAccount('iris')
  const { browser } = await begin(email)
  const stranger = world.browser()
  t.match(await stranger.get('/second-factor'), { status: 410 })
  await database.run(sql.fragment`UPDATE sign_in_step SET expires_at = expires_at - interval '9 minutes 50 seconds'`)
  t.match(wordsOf(await browser.get('/second-factor')), /You have ten minutes for this\./)
  const _csrf = tokenIn(await browser.get('/second-factor'))
  await database.run(sql.fragment`UPDATE sign_in_step SET expires_at = expires_at - interval '10 seconds'`)
  t.match(await browser.post('/second-factor', { code: await codeOf(key), _csrf }), { status: 410 })
})

t.test('a new password does not get around the second factor, and ends what began with the old one', async t => {
  const { email, key } = await protectedAccount('jana')
  const { browser } = await begin(email)
  await world.browser().send('/forgotten-password', { email })
  const fresh = 'eleven silent bakeries float'
  await world.browser().send(linkIn(await mailbox.next()), { password: fresh })
  await mailbox.next()
  t.match(await browser.get('/second-factor'), { status: 410 })
  const own = world.browser()
  t.match(await own.send('/sign-in', { email, password: fresh }), toCode)
  t.match(await own.get('/account'), { status: 303 })
  t.match(await own.send('/second-factor', { code: await codeOf(key) }), isIn)
})

t.test('completing a half sign-in at the moment when all are ended does not sign in', async t => {
  const { email, person } = await protectedAccount('karl')
  const step = (await begin(email)).browser.cookies.get('sharewell-step') ?? ''
  const { ending } = await database.transaction(async connection => {
    t.ok(await takeStep(connection, step))
    await startSession(connection, { person, methods: ['pwd', 'otp'], device: 'Firefox' })
    const ending = endSessions(database, person)
    await someoneWaits(connection)
    return { ending }
  })
  await ending
  t.same(await sessionsOf(database, person), [])
})

t.test('turning it off, new recovery codes and another authenticator need the password and a code', async t => {
  const { email, person, key, browser, recoveryCodes } = await protectedAccount('kim')
  const page = '/account/second-factor'
  for (const change of ['off', 'recovery-codes', 'set-up']) {
    t.match(await browser.send(`${page}/${change}`, { password: 'wrong', code: await codeOf(key) }), { status: 422 })
    t.match(await browser.send(`${page}/${change}`, { password, code: '123' }), { status: 422 })
  }
  const renewed = await browser.send(`${page}/recovery-codes`, { password, code: await codeOf(key) })
  t.equal(recoveryCodesIn(renewed).length, 10)
  t.match(await mailbox.next(), { subject: 'You have new recovery codes for Sharewell' })
  const code = recoveryCodes[0] ?? ''
  t.match(await browser.send(`${page}/off`, { password, code }), { status: 422 }, 'the old ones have ended')

  await forgetCodes(person)
  await browser.send(`${page}/set-up`, { password, code: await codeOf(key) })
  const newKey = keyIn(await browser.get('/second-factor'))
  t.not(newKey, key)
  t.match(await browser.send('/second-factor', { code: await codeOf(newKey) }), { status: 200 })
  await mailbox.next()
  await forgetCodes(person)
  t.match(
    await browser.send(`${page}/off`, { password, code: await codeOf(key) }),
    { status: 422 },
    'so is the old app',
  )
  t.match(await browser.send(`${page}/off`, { password, code: await codeOf(newKey) }), {
    status: 303,
    location: `${page}?done=off`,
  })
  t.match(await mailbox.next(), { subject: 'The second factor of your Sharewell account was turned off' })
  t.match((await browser.get(`${page}?done=off`)).body, / autofocus><p>It is turned off\.<\/p>/)
  t.match(wordsOf(await browser.get(page)), /It is turned off/)
  t.match((await begin(email)).answer, isIn)
})

t.test('a code is used up only together with what it changes: after a 503 it can be sent again', async t => {
  const { browser, recoveryCodes, email } = await protectedAccount('kira')
  const page = '/account/second-factor'
  const [first = '', second = '', third = ''] = recoveryCodes
  const rows = [
    { change: 'set-up', code: first, table: 'sign_in_step', answer: toCode },
    { change: 'recovery-codes', code: second, table: 'recovery_code', answer: { status: 200 } },
    { change: 'off', code: '', table: 'resource_identity', answer: { status: 303, location: `${page}?done=off` } },
  ]
  let fresh: readonly string[] = [third]
  for (const { change, code: given, table, answer } of rows) {
    const code = given || (fresh[0] ?? '')
    const send = () => browser.send(`${page}/${change}`, { password, code })
    t.match(await whileGoneAt(database, table, send), { status: 503 }, change)
    const done = await send()
    t.match(done, answer, change)
    if (change === 'recovery-codes') fresh = recoveryCodesIn(done)
    if (change === 'set-up') t.match(await send(), { status: 422 }, 'once')
  }
  t.match((await begin(email)).answer, isIn)
})

t.test('of two set-ups one counts, and the other one in progress replaces nothing', async t => {
  const { email, person } = await newAccount('lena')
  const [own, other] = [await signedIn(email), await signedIn(email)]
  await other.send('/account/second-factor/set-up', { password })
  const otherKey = keyIn(await other.get('/second-factor'))
  const _csrf = tokenIn(await other.get('/second-factor'))
  const { key } = await setUp(own)
  await mailbox.next()
  t.match(await other.post('/second-factor', { code: await codeOf(otherKey), _csrf }), { status: 410 })
  await forgetCodes(person)
  const { browser } = await begin(email)
  t.match(await browser.send('/second-factor', { code: await codeOf(key) }), isIn)
})

t.test('a set-up ends with the session in which it was begun, whoever ends that', async t => {
  const { email, person } = await newAccount('olga')
  const begun = async () => {
    const browser = await signedIn(email)
    await browser.send('/account/second-factor/set-up', { password })
    const page = await browser.get('/second-factor')
    t.notMatch(wordsOf(page), /An organization/, 'nobody requires it')
    const cookies = new Map(browser.cookies)
    return { browser, cookies, code: await codeOf(keyIn(page)), _csrf: tokenIn(page) }
  }
  const refused = async ({ browser, cookies, code, _csrf }: Awaited<ReturnType<typeof begun>>, how: string) => {
    t.match(await browser.get('/second-factor'), { status: 410 }, how)
    for (const [name, value] of cookies) browser.cookies.set(name, value)
    t.match(await browser.get('/second-factor'), { status: 410 }, `${how}, even with the cookies from before`)
    t.match(await browser.post('/second-factor', { code, _csrf }), { status: 410 }, `${how}, though the code is right`)
    t.match(await browser.get('/account'), { status: 303, location: '/sign-in?continue=%2Faccount' }, how)
  }
  const own = await begun()
  t.match(await own.browser.send('/account', {}, '/sign-out'), { status: 303 })
  t.equal(own.browser.cookies.get('sharewell-step'), undefined)
  await refused(own, 'signed out')

  const stranger = await begun()
  const others = await signedIn(email)
  await others.send('/account/sessions', {}, '/account/sessions/end-others')
  await refused(stranger, 'signed out from elsewhere')
  t.match(await others.get('/account'), { status: 200 })

  const listed = await begun()
  const page = (await others.get('/account/sessions')).body
  const session = /name="session" value="([^"]*)"/.exec(page)?.[1] ?? ''
  await others.send('/account/sessions', { session })
  await refused(listed, 'ended in the list')

  const idle = await begun()
  await database.run(sql.fragment`
    UPDATE user_session SET seen_at = seen_at - interval '2 hours' WHERE person = ${person}`)
  await refused(idle, 'not used for two hours')
})

t.test('signing out, or signing out all others, ends half sign-ins', async t => {
  const { email, person, key, browser } = await protectedAccount('pia')
  const half = (await begin(email)).browser
  const _csrf = tokenIn(await half.get('/second-factor'))
  await startSession(database, { person, methods: ['pwd', 'otp'], device: 'x' })
  await browser.send('/account/sessions', {}, '/account/sessions/end-others')
  t.match(await half.post('/second-factor', { code: await codeOf(key), _csrf }), { status: 410 })
  await browser.send('/sign-in?prompt=login', { email, password }, '/sign-in')
  const step = browser.cookies.get('sharewell-step') ?? ''
  const own = tokenIn(await browser.get('/second-factor'))
  await browser.send('/account', {}, '/sign-out')
  browser.cookies.set('sharewell-step', step)
  t.match(await browser.post('/second-factor', { code: await codeOf(key), _csrf: own }), { status: 410 })
  await forgetCodes(person)
})

t.test('a form of another site changes nothing', async t => {
  const { email, key, browser } = await protectedAccount('mona')
  const half = (await begin(email)).browser
  t.match(await half.post('/second-factor', { code: await codeOf(key) }), { status: 403 })
  for (const change of ['off', 'recovery-codes', 'set-up'])
    t.match(
      await browser.post(`/account/second-factor/${change}`, { password, code: await codeOf(key), _csrf: 'x' }),
      { status: 403 },
      change,
    )
  t.match(await half.send('/second-factor', { code: await codeOf(key) }), isIn, 'the code is still unused')
})

t.test('nothing that is stored shows a code', async t => {
  const { person, key, recoveryCodes } = await protectedAccount('nora')
  const { dump } = await database.one<{ dump: string }>(sql.fragment`
    SELECT (SELECT string_agg(user_account::text, '') FROM user_account)
      || (SELECT string_agg(recovery_code::text, '') FROM recovery_code)
      || coalesce((SELECT string_agg(sign_in_step::text, '') FROM sign_in_step), '') AS dump`)
  for (const secret of [key, ...recoveryCodes.flatMap(code => [code, code.replaceAll('-', '')])])
    t.notOk(dump.includes(secret))
  const { authenticator } = await database.one<{ authenticator: string }>(
    sql.fragment`SELECT authenticator FROM user_account WHERE person = ${person}`,
  )
  t.match(Buffer.from(authenticator.split('.')[0] ?? '', 'base64url').toString(), '{"alg":"dir","enc":"A256GCM"}')
})
