import t from 'tap'
import { invite } from '../../../src/accounts/sign-up/invite.ts'
import { endAdministration } from '../../../src/storage/account/administrators.ts'
import { addAccount } from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, people, persons, create, update, send, browserOf } = world
const { administrator } = people
t.teardown(() => server.close())

const list = '/system/administrators'
let count = 0
const another = async (name: string) => {
  const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: name }] })
  const email = `root-${count++}@example.org`
  await addAccount(database, { person, email, isVerified: true, administrator: true, password: 'x' })
  return { person, email, browser: await browserOf(person) }
}

/** What is answered to whoever sends something while somebody ends a right. */
const sentWhile = async <T>(ending: Parameters<typeof endAdministration>[1], send: () => Promise<T>): Promise<T> => {
  const sent = await database.transaction(async connection => {
    await endAdministration(connection, ending)
    const answer = send()
    await someoneWaits(connection)
    return { answer }
  })
  return sent.answer
}

t.test('an administrator sees who else administers the installation, and ends it', async t => {
  const ada = await another('Ada <A>')
  t.match((await administrator.get('/system')).body, `href="${list}"`)
  const shown = await administrator.get(list)
  t.match(wordsOf(shown), /Ada &lt;A&gt; root-0@example\.org End it Root \(you\) root@example\.org Back to/)
  t.equal((await ada.browser.get('/system')).status, 200)
  const page = `${list}/${ada.person}`
  t.match(
    wordsOf(await administrator.get(page)),
    'Is Ada &lt;A&gt; no longer to administer the installation? It ends at once.',
  )
  t.match(await administrator.send(page, {}), { status: 303, location: `${list}?done=ended` })
  t.notMatch(wordsOf(await administrator.get(list)), 'Ada')
  t.equal((await ada.browser.get('/system')).status, 404, 'from the next page on')
  t.equal((await ada.browser.get('/account')).status, 200, 'the account stays')
  t.equal((await administrator.get(page)).status, 404)
  t.match(wordsOf(await administrator.get('/system/events')), 'Ada &lt;A&gt; no longer administers the installation')
})

t.test('nobody else sees who administers, nor ends it', async t => {
  const { person } = await another('Eve')
  for (const browser of [people.manager, people.patient]) {
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''
    for (const path of [list, `${list}/${person}`]) t.equal((await browser.get(path)).status, 404, path)
    t.equal((await browser.post(`${list}/${person}`, { _csrf })).status, 404)
  }
  t.match(wordsOf(await administrator.get(list)), 'Eve')
})

t.test('nobody ends their own, and of two who end each other’s one stays', async t => {
  const own = `${list}/${persons.administrator}`
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await administrator.get(list)).body)?.[1] ?? ''
  t.equal((await administrator.get(own)).status, 404)
  t.equal((await administrator.post(own, { _csrf })).status, 404)
  const bea = await another('Bea')
  const alone = { person: bea.person, by: bea.person }
  t.equal(await database.transaction(connection => endAdministration(connection, alone)), 'refused')
  const ended = await Promise.all([
    database.transaction(connection =>
      endAdministration(connection, { person: bea.person, by: persons.administrator }),
    ),
    database.transaction(connection =>
      endAdministration(connection, { person: persons.administrator, by: bea.person }),
    ),
  ])
  t.same(ended.toSorted(), ['ended', 'refused'])
})

t.test('whoever can no longer sign in ends nothing', async t => {
  const [cleo, dan] = [await another('Cleo'), await another('Dan')]
  const stored = (await send('everything', 'GET', `Person/${dan.person}`)).json()
  await update('everything', { ...stored, active: false })
  t.match(wordsOf(await cleo.browser.get(list)), 'Dan Account closed')
  t.equal(
    await database.transaction(connection => endAdministration(connection, { person: cleo.person, by: dan.person })),
    'refused',
  )
})

t.test('whoever loses the right while they end that of a third ends nothing', async t => {
  const [eve, fay, gus] = [await another('Eve'), await another('Fay'), await another('Gus')]
  const answer = await sentWhile({ person: eve.person, by: fay.person }, () =>
    eve.browser.send(`${list}/${gus.person}`, {}),
  )
  t.equal(answer.status, 404)
  t.equal((await gus.browser.get('/system')).status, 200)
})

t.test('whoever ends what somebody else has ended meanwhile is told so', async t => {
  const [eve, fay, gus] = [await another('Eve'), await another('Fay'), await another('Gus')]
  const answer = await sentWhile({ person: gus.person, by: fay.person }, () =>
    eve.browser.send(`${list}/${gus.person}`, {}),
  )
  const { status, location = '' } = answer
  t.equal(status, 303)
  t.match(wordsOf(await eve.browser.get(location)), 'Somebody else has ended it meanwhile')
})

t.test(
  'whose right was ended gets it back by a link of the operator’s for the same address, once they choose a password',
  async t => {
    const [hal, jo] = [await another('Hal'), await another('Jo')]
    await jo.browser.send(`${list}/${hal.person}`, {})
    t.match(await hal.browser.get('/system'), { status: 404 })
    const { url } = await invite(
      { database, signUp: 'open', address: () => '' },
      { email: hal.email, administrator: true },
    )
    t.match(await hal.browser.get('/system'), { status: 404 }, 'a link alone gives nothing')
    const own = openBrowser(server)
    t.match(await own.send(url, { password: 'eleven silent bakeries float' }), { status: 303 })
    t.equal((await hal.browser.get('/account')).status, 303, 'what was signed in before is not')
    t.equal((await (await browserOf(hal.person)).get('/system')).status, 200)
    t.match(wordsOf(await jo.browser.get(list)), hal.email)
    t.match(wordsOf(await jo.browser.get('/system/events')), 'An account administers the installation now')
  },
)

t.test(
  'such a link gives no right to an account whose address nobody has confirmed, nor does one without the option',
  async t => {
    const [ida, jo] = [await another('Ida'), await another('Jo')]
    await jo.browser.send(`${list}/${ida.person}`, {})
    const invited = (isAdministrator: boolean) =>
      invite({ database, signUp: 'open', address: () => '' }, { email: ida.email, administrator: isAdministrator })
    await database.run(sql.fragment`UPDATE user_account SET verified_at = NULL WHERE person = ${ida.person}`)
    const unconfirmed = await invited(true)
    t.match(await openBrowser(server).send(unconfirmed.url, { password: 'eleven silent bakeries float' }), {
      status: 303,
    })
    t.equal((await (await browserOf(ida.person)).get('/system')).status, 404)
    const again = await invited(false)
    t.match(await openBrowser(server).send(again.url, { password: 'twelve silent bakeries float' }), { status: 303 })
    t.equal((await (await browserOf(ida.person)).get('/system')).status, 404)
  },
)
