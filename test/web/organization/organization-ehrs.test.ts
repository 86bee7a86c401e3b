import t from 'tap'
import { hashPassword } from '../../../src/accounts/password/password.ts'
import { accountOf } from '../../../src/accounts/person.ts'
import { addAccount } from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openMockEhr } from '../../auth/ehr/mock-ehr.ts'
import { type Browser, openBrowser, type Shown, wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const ehr = await openMockEhr()
const otherEhr = await openMockEhr()
const world = await openTenants({ OUTBOUND_ORIGINS: [ehr, otherEhr].map(({ base }) => new URL(base).origin).join() })
const { server, database, lab, ward, clinic, people, persons, told } = world
const { manager } = people
const foreign = people['manager of another tenant']
t.teardown(async () => {
  await server.close()
  ehr.close()
  otherEhr.close()
})

const pagesOf = (organization: string) => `/organizations/${organization}/ehrs`
const pages = pagesOf(lab.organization)
const usual = {
  issuer: ehr.base,
  client_id: 'sharewell',
  authentication: 'none',
  scope: 'openid fhirUser launch patient/Patient.r',
  nonce: 'required',
  launches: 'allowed',
}
const add = (by: Browser, fields: Readonly<Record<string, string>> = {}, organization = lab.organization) =>
  by.send(`${pagesOf(organization)}/new`, { ...usual, ...fields })
const pageOf = ({ location = '' }: Shown): string => location.split('?', 1)[0] ?? ''
const idOf = (page: string): string => page.split('/').at(-1) ?? ''
const removeAll = async () => {
  await database.run(sql.fragment`DELETE FROM smart_client_config`)
}
const launchAt = (browser: Browser, config: string, launch: string, iss = ehr.base) =>
  browser.get(`/launch/${config}?${new URLSearchParams({ iss, launch })}`)
/** Where the EHR sends the browser back to. */
const answerOf = async ({ location = '' }: Shown): Promise<string> => {
  const answer = await fetch(location, { redirect: 'manual' })
  const { pathname, search } = new URL(answer.headers.get('location') ?? '')
  return `${pathname}${search}`
}
const register = (id: string, method: 'none' | 'secret' | 'private_key_jwt', secret?: string) =>
  ehr.register({
    id,
    method,
    ...(secret === undefined ? {} : { secret }),
    keys: async () => (await server.inject({ url: '/launch/jwks.json' })).json(),
  })
const password = 'seven green umbrellas sing'
const withPassword = async (person: string) => {
  const email = `${person}@example.org`
  const hash = await hashPassword(password)
  await addAccount(database, { person, email, isVerified: true, administrator: false, password: hash })
  return email
}
/** Launched as the EHR user with the Person's id, who is linked to it by their password. */
const link = async (person: string, config: string) => {
  const email = await withPassword(person)
  const browser = openBrowser(server)
  await browser.send('/sign-in', { email, password })
  const launched = await launchAt(browser, config, ehr.launch({ subject: person }))
  const { location = '' } = await browser.get(await answerOf(launched))
  await browser.send(location, { password }, `${location}/account`)
}
const isSignedInBy = async (person: string, config: string): Promise<boolean> => {
  const browser = openBrowser(server)
  const launched = await launchAt(browser, config, ehr.launch({ subject: person }))
  await browser.get(await answerOf(launched))
  return (await browser.get('/account')).status === 200
}

t.test('a manager sets up an EHR, which then opens us and signs in the people of the organization', async t => {
  t.match((await manager.get(`/organizations/${lab.organization}`)).body, `href="${pages}"`)
  t.match(wordsOf(await manager.get(pages)), /None is set up for this organization itself/)
  const added = await add(manager, { issuer: `${ehr.base}/ `, client_id: 'of-lab' })
  t.match(added, { status: 303, location: new RegExp(`^${pages}/[0-9a-f]{32}\\?added$`) })
  const page = pageOf(added)
  const shown = wordsOf(await manager.get(added.location ?? ''))
  for (const text of [
    'The EHR is added',
    `Launch URL http://localhost:8080/launch/${idOf(page)} Redirect URL http://localhost:8080/launch/${idOf(page)}/callback`,
    'http://localhost:8080/launch/jwks.json',
  ])
    t.match(shown, text)
  t.match(wordsOf(await manager.get(pages)), `${ehr.base} Client ID: of-lab`)
  t.match(
    wordsOf(await people['manager of the ward'].get(pagesOf(ward))),
    `Set up above These are set up for an organization above this one, and apply here too. ${ehr.base} (lab)`,
  )
  t.equal(
    (await people['manager of the ward'].get(page)).status,
    404,
    'they see that it is there, and not its settings',
  )

  register('of-lab', 'none')
  const begun = await launchAt(openBrowser(server), idOf(page), 'l-1')
  t.match(Object.fromEntries(new URL(begun.location ?? '').searchParams), {
    client_id: 'of-lab',
    aud: ehr.base,
    redirect_uri: `http://localhost:8080/launch/${idOf(page)}/callback`,
  })
  await link(persons.member, idOf(page))
  t.ok(await isSignedInBy(persons.member, idOf(page)))
  t.match(await manager.send(page, { ...usual, client_id: 'of-lab', launches: 'refused' }), { status: 303 })
  t.match(await launchAt(openBrowser(server), idOf(page), 'l-2'), { status: 400, body: /This EHR is not known here/ })
  t.match(await manager.send(page, {}, `${page}/remove`), { status: 303, location: `${pages}?removed` })
  t.match((await manager.get(`${pages}?removed`)).body, / autofocus><p>The EHR has been removed\.<\/p>/)
  t.equal((await manager.get(page)).status, 404)
})

t.test('an EHR of one tenant never signs in somebody who has rights elsewhere', async t => {
  const page = pageOf(await add(manager, { client_id: 'of-lab' }))
  const working = { [lab.organization]: 'here', [ward]: 'below' }
  for (const [organization, where] of Object.entries(working)) {
    const person = await world.staff(organization, 'member')
    await link(person, idOf(page))
    t.ok(await isSignedInBy(person, idOf(page)), where)
  }
  const both = await world.staff([lab.organization, clinic.organization], 'member')
  await link(both, idOf(page))
  t.notOk(await isSignedInBy(both, idOf(page)), 'somebody who works in another tenant as well')
  const practitioner = sql.fragment`(SELECT practitioner FROM person_practitioner WHERE person = ${both})`
  await database.run(sql.fragment`
    WITH ended AS (
      DELETE FROM membership WHERE practitioner = ${practitioner} AND organization = ${clinic.organization} RETURNING *)
    INSERT INTO privacy_officer (id, practitioner, organization, period_start, period_end)
    SELECT id, practitioner, organization, period_start, period_end FROM ended`)
  t.notOk(await isSignedInBy(both, idOf(page)), 'somebody who is a privacy officer of another tenant')
  await database.run(sql.fragment`UPDATE privacy_officer SET period_end = now() WHERE practitioner = ${practitioner}`)
  t.ok(await isSignedInBy(both, idOf(page)), 'somebody who was one once')
  await database.run(
    sql.fragment`UPDATE study_staff SET practitioner = ${practitioner} WHERE study_id = ${clinic.study}`,
  )
  t.notOk(await isSignedInBy(both, idOf(page)), 'somebody who is staff of a study there')
  const root = await world.staff(lab.organization, 'member')
  await link(root, idOf(page))
  await database.run(sql.fragment`UPDATE user_account SET administrator = TRUE WHERE person = ${root}`)
  t.notOk(await isSignedInBy(root, idOf(page)), 'an administrator of the installation')
  const patient = await world.staff(lab.organization, 'member', world.carl)
  await link(patient, idOf(page))
  t.notOk(await isSignedInBy(patient, idOf(page)), 'a patient')
  const below = pageOf(await add(people['manager of the ward'], { client_id: 'of-lab' }, ward))
  const above = await world.staff([ward, lab.organization], 'member')
  await link(above, idOf(below))
  t.notOk(await isSignedInBy(above, idOf(below)), 'somebody who works above as well')
  await removeAll()
})

t.test('two tenants can set up the same EHR, and neither gets anything of the other’s launches', async t => {
  const [ours, theirs] = [
    pageOf(await add(manager, { client_id: 'of-lab' })),
    pageOf(await add(foreign, { client_id: 'of-clinic' }, clinic.organization)),
  ]
  for (const id of ['of-lab', 'of-clinic']) register(id, 'none')
  t.match(await add(manager), { status: 422, body: /This EHR is set up for the organization already/ })
  const browser = openBrowser(server)
  const launched = await launchAt(browser, idOf(theirs), ehr.launch({ subject: persons.member }))
  t.equal(new URL(launched.location ?? '').searchParams.get('client_id'), 'of-clinic')
  const back = await answerOf(launched)
  t.match(await browser.get(back.replace(idOf(theirs), idOf(ours))), { status: 400, body: /This launch is over/ })
  const arrived = await browser.get(back)
  t.match(arrived, { status: 303, location: /^\/launched\// }, 'this ended nothing')
  t.equal((await browser.get('/account')).status, 303, 'somebody who works only in the other tenant is not signed in')
  t.match(await launchAt(browser, idOf(ours), 'x', otherEhr.base), { status: 400 }, 'another EHR at its address')
  t.match(await launchAt(browser, '0'.repeat(32), 'x'), { status: 400 })
  const { location = '' } = await browser.get(`/launch?${new URLSearchParams({ iss: ehr.base, launch: 'x' })}`)
  t.equal(new URL(location).searchParams.get('client_id'), 'of-lab', 'without an id, the first that was set up')
  await removeAll()
})

t.test('an EHR that sends people on to another EHR’s page gets no code of it', async t => {
  const [honest, evil] = [
    pageOf(await add(manager, { client_id: 'of-lab' })),
    pageOf(await add(foreign, { issuer: otherEhr.base, client_id: 'of-lab' }, clinic.organization)),
  ]
  otherEhr.misbehave({ metadata: { authorization_endpoint: `${ehr.base}/authorize` } })
  const browser = openBrowser(server)
  const { location = '' } = await launchAt(browser, idOf(evil), 'x', otherEhr.base)
  const { origin, searchParams } = new URL(location)
  t.equal(origin, new URL(ehr.base).origin)
  t.match(Object.fromEntries(searchParams), {
    aud: otherEhr.base,
    redirect_uri: `http://localhost:8080/launch/${idOf(evil)}/callback`,
  })
  const state = searchParams.get('state') ?? ''
  const back = new URLSearchParams({ code: 'of the honest one', state })
  const before = otherEhr.asked.length
  t.match(await browser.get(`/launch/${idOf(honest)}/callback?${back}`), { status: 400, body: /This launch is over/ })
  t.equal(otherEhr.asked.length, before, 'what comes to the address of the honest EHR is given to nobody else')
  otherEhr.misbehave({})
  await removeAll()
})

t.test('if many add one EHR at once, one succeeds', async t => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => add(manager)))
  t.same(answers.map(({ status }) => status).toSorted(), [303, ...Array.from({ length: 7 }, () => 422)])
  await removeAll()
})

t.test('a secret is kept sealed, never shown, and stays with its EHR', async t => {
  const secret = 'a very secret word'
  const added = await add(manager, { client_id: 'of-lab', authentication: 'secret', secret })
  const page = pageOf(added)
  register('of-lab', 'secret', secret)
  const shown = await manager.get(page)
  t.notMatch(shown.body, secret)
  t.match(shown.body, /A secret is stored. Leave this empty to keep it/)
  t.ok(await isSignedInBy(persons.member, idOf(page)))
  const kept = await manager.send(page, {
    ...usual,
    issuer: otherEhr.base,
    client_id: 'of-lab',
    authentication: 'secret',
  })
  t.match(kept, { status: 303 })
  const row = await database.one<{ issuer: string; secret: string }>(
    sql.fragment`SELECT issuer, secret FROM smart_client_config`,
  )
  t.equal(row.issuer, ehr.base, 'it cannot be sent to another one')
  t.notMatch(row.secret, secret)
  t.ok(await isSignedInBy(persons.member, idOf(page)))
  register('of-lab', 'secret', 'another one')
  await manager.send(page, { ...usual, client_id: 'of-lab', authentication: 'secret', secret: 'another one' })
  t.ok(await isSignedInBy(persons.member, idOf(page)))
  register('of-lab', 'private_key_jwt')
  await manager.send(page, { ...usual, client_id: 'of-lab', authentication: 'private_key_jwt' })
  t.ok(await isSignedInBy(persons.member, idOf(page)))
  const again = await manager.send(page, { ...usual, client_id: 'of-lab', authentication: 'secret' })
  t.match(again, { status: 422, body: /The secret that the EHR gave is needed/ }, 'the old one is gone')
  t.notMatch(JSON.stringify(await told()), /very secret|another one/)
  await removeAll()
})

t.test('an EHR that the operator no longer allows can be changed, and is refused nevertheless', async t => {
  const page = pageOf(await add(manager, { client_id: 'of-lab' }))
  await database.run(sql.fragment`UPDATE smart_client_config SET issuer = 'https://gone.example.org/fhir'`)
  const shown = await manager.send(page, { ...usual, client_id: 'called-otherwise', launches: 'refused' })
  t.equal(shown.status, 303)
  t.strictSame(await database.any(sql.fragment`SELECT issuer, client_id AS client, enabled FROM smart_client_config`), [
    { issuer: 'https://gone.example.org/fhir', client: 'called-otherwise', enabled: false },
  ])
  await removeAll()
})

t.test('a mistake is shown at its field, and what was typed stays', async t => {
  const table: readonly (readonly [fields: Readonly<Record<string, string>>, name: string, told: RegExp])[] = [
    [{ issuer: '' }, 'issuer', /A FHIR base is needed/],
    [{ issuer: 'javascript:alert(1)' }, 'issuer', /A FHIR base is needed/],
    [{ issuer: `${ehr.base}?x=y` }, 'issuer', /A FHIR base is needed/],
    [{ issuer: `${ehr.base}#x` }, 'issuer', /A FHIR base is needed/],
    [{ issuer: ehr.base.replace('://', '://a:b@') }, 'issuer', /name or password/],
    [{ issuer: 'http://169.254.169.254/latest' }, 'issuer', /the operator of this server has to allow it/],
    [{ issuer: 'https://10.0.0.1/fhir' }, 'issuer', /not a public address/],
    [{ issuer: 'https://elsewhere.example/fhir' }, 'issuer', /not among the servers that may be requested/],
    [{ client_id: '' }, 'client_id', /Enter the ID that the EHR has given/],
    [{ scope: '' }, 'scope', /Without openid nobody can be signed in/],
    [{ client_id: 'a b' }, 'client_id', /without spaces/],
    [{ authentication: 'secret' }, 'secret', /is needed/],
    [{ authentication: 'secret', secret: 'x'.repeat(1001) }, 'secret', /at most 1000/],
    [{ scope: 'launch' }, 'scope', /Without openid/],
    [{ scope: `openid ${'x'.repeat(1000)}` }, 'scope', /at most 1000/],
    [{ frame_origins: 'https://ehr.example.org/path' }, 'frame_origins', /is no https origin/],
    [{ frame_origins: "https://ehr.example.org\n'self'" }, 'frame_origins', /is no https origin/],
    [{ frame_origins: '*' }, 'frame_origins', /is no https origin/],
    [{ frame_origins: 'https://*' }, 'frame_origins', /is no https origin/],
    [{ frame_origins: 'https://*.example.org' }, 'frame_origins', /is no https origin/],
    [{ frame_origins: 'https://ehr.example.org;sandbox' }, 'frame_origins', /is no https origin/],
  ]
  for (const [fields, name, problem] of table) {
    const shown = await add(manager, fields)
    const [, text = ''] = new RegExp(`<p class="[^"]*" id="${name}-problem">([^<]*)</p>`).exec(shown.body) ?? []
    t.match(text, problem, JSON.stringify(fields))
    t.equal(shown.status, 422)
    t.match(shown.body, `<li><a href="#${name}">`)
    if (fields.secret !== undefined) t.notMatch(shown.body, fields.secret, 'it is not sent back')
  }
  t.match(wordsOf(await manager.get(pages)), /None is set up/)
})

t.test('a slower editor does not allow launches again that were refused meanwhile', async t => {
  await removeAll()
  const page = pageOf(await add(manager))
  const [, version = ''] = /name="version" value="([^"]*)"/.exec((await manager.get(page)).body) ?? []
  t.match(await manager.send(page, { ...usual, launches: 'refused' }), { status: 303 })
  const late = await manager.send(page, { ...usual, client_id: 'mine', version })
  t.match([late.status, wordsOf(late)], [409, /Somebody else has changed this.*See the current settings/])
  t.match(late.body, 'value="mine"')
  t.same(await database.one(sql.fragment`SELECT enabled, client_id FROM smart_client_config`), {
    enabled: false,
    client_id: usual.client_id,
  })
  await removeAll()
})

t.test('a check says what the EHR answers, and what is wrong with it', async t => {
  const page = pageOf(await add(manager, { authentication: 'private_key_jwt' }))
  const check = async () => wordsOf(await manager.send(page, {}, `${page}/check`))
  t.match(
    await check(),
    `It answers, and offers what a launch needs. Issuer ${ehr.base} Authorization endpoint ${ehr.base}/authorize`,
  )
  const metadata: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ code_challenge_methods_supported: ['plain'] }, /A launch would fail: it does not support PKCE with S256/],
    [
      { token_endpoint: 'https://elsewhere.example/token' },
      /but a launch would fail: https:\/\/elsewhere\.example\/token may not be asked/,
    ],
    [
      { token_endpoint_auth_methods_supported: ['client_secret_post'] },
      /clients authenticate by client_secret_post, and not by private_key_jwt/,
    ],
    [{ jwks_uri: '"><script>' }, /its jwks_uri is no http or https URL/],
    [{ token_endpoint: `${ehr.base}/"><script>` }, /&quot;&gt;&lt;script&gt;/],
  ]
  for (const [one, problem] of metadata) {
    ehr.misbehave({ metadata: one })
    t.match(await check(), problem)
  }
  ehr.misbehave({ huge: 'metadata' })
  t.match(await check(), /A launch would fail: its smart-configuration: the answer is longer than/)
  ehr.misbehave({})
  await removeAll()
})

t.test('nobody else sees or changes anything, or is told whether it exists', async t => {
  const page = pageOf(await add(manager, { client_id: 'hidden-client' }))
  const absent = pagesOf('0'.repeat(36))
  const without = ({ status, body }: Shown) => ({ status, body: body.replace(/this number: [\w-]+/, '') })
  const strangers = [
    'manager of another tenant',
    'member',
    'viewer',
    'privacy officer',
    'patient',
    'manager of the ward',
  ]
  for (const name of strangers as (keyof typeof people)[]) {
    const who = people[name]
    for (const [there, nowhere] of [
      [pages, absent],
      [`${pages}/new`, `${absent}/new`],
      [page, `${absent}/${idOf(page)}`],
    ] as const) {
      const shown = without(await who.get(there))
      t.equal(shown.status, 404, `${name} ${there}`)
      t.strictSame(shown, without(await who.get(nowhere)), `${name} ${there}`)
    }
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await who.get('/account')).body)?.[1] ?? ''
    for (const url of [`${pages}/new`, page, `${page}/check`, `${page}/remove`])
      t.equal((await who.post(url, { _csrf, ...usual, client_id: 'taken' })).status, 404, `${name} ${url}`)
  }
  const elsewhere = pagesOf(clinic.organization)
  t.strictSame(
    without(await foreign.get(`${elsewhere}/${idOf(page)}`)),
    without(await foreign.get(`${elsewhere}/${'0'.repeat(32)}`)),
  )
  t.notMatch(wordsOf(await foreign.get(elsewhere)), ehr.base)
  for (const url of [pages, `${pages}/new`, page])
    t.match(await openBrowser(server).get(url), { status: 303, body: '' })
  for (const url of [`${pages}/new`, page, `${page}/check`, `${page}/remove`])
    t.equal((await manager.post(url, usual)).status, 403, `no other site can send ${url}`)
  t.match(wordsOf(await manager.get(pages)), 'hidden-client', 'nothing has changed')
  t.match(wordsOf(await people.administrator.get(page)), ehr.base)
  await removeAll()
})

t.test('the privacy officer is shown who did what, and no secret', async t => {
  const before = (await told()).length
  const page = pageOf(await add(manager, { authentication: 'secret', secret: 'told to nobody' }))
  await manager.send(page, { ...usual, authentication: 'secret', nonce: 'none', secret: 'nor this one' })
  await manager.send(page, {}, `${page}/remove`)
  const events = (await told()).slice(0, -before || undefined).toReversed()
  t.strictSame(
    events.map((event: { action: string; outcomeDesc: string; entity: { detail?: object[] }[] }) => [
      event.action,
      event.outcomeDesc,
      event.entity[0]?.detail,
    ]),
    [
      [
        'C',
        `The EHR ${ehr.base} was set up`,
        [
          { type: 'issuer', valueString: ehr.base },
          { type: 'client_id', valueString: 'sharewell' },
          { type: 'authentication', valueString: 'secret' },
          { type: 'scope', valueString: usual.scope },
          { type: 'nonce', valueString: 'required' },
          { type: 'launches', valueString: 'allowed' },
          { type: 'frame_origins', valueString: 'none' },
        ],
      ],
      [
        'U',
        `The EHR ${ehr.base} was changed`,
        [
          { type: 'nonce', valueString: 'none' },
          { type: 'secret', valueString: 'replaced' },
        ],
      ],
      ['D', `The EHR ${ehr.base} was removed`, undefined],
    ],
  )
  for (const event of events)
    t.match(event, {
      agent: [{ who: accountOf(persons.manager), name: 'The manager', requestor: true }],
      entity: [{ what: { identifier: { value: idOf(page) } } }],
      meta: { tag: [{ code: lab.organization }] },
    })
  t.notMatch(JSON.stringify(await told()), /told to nobody|nor this one/)
})
