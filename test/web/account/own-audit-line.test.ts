import t from 'tap'
import { startSession } from '../../../src/storage/account/session.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { readDisclosures } from '../../../src/storage/audit/shown/disclosures.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../../auth/world.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'

const world = await openApps()
const { server, database, ann, bob, account, client, signIn, send, token } = world
t.teardown(() => server.close())
await world.create('everything', {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/${ann}` },
  effectiveDateTime: '2030-01-01T00:00:00Z',
})

const anns = await account(ann)
const browserOf = async (person: string, language: string) => {
  const browser = openBrowser(server, { headers: { 'accept-language': language } })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const browsers = { en: await browserOf(anns, 'en'), es: await browserOf(anns, 'es') }

/** What the page shows in addition to before, the latest first. */
const toldOf = async (run: () => Promise<unknown>, language: keyof typeof browsers = 'en') => {
  const visits = async () => {
    await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
    const { body } = await browsers[language].get('/account/disclosures')
    return body
      .split('<li class="list-group-item')
      .slice(1)
      .flatMap(item => {
        const [stretch = ''] = item.split('</li>')
        const told = (part: string) => wordsOf({ body: `<p ${part}` }).replace(/^.*? UTC /, '')
        const who = wordsOf({ body: /<strong>[\s\S]*?<\/div>/.exec(stretch)?.[0] ?? '' })
        const [, ...each] = stretch.split('<div class="visit')
        return each.length === 0 ? [told(stretch)] : each.map(visit => `${who} ${told(visit)}`)
      })
  }
  const before = await visits()
  await run()
  const after = await visits()
  return after.slice(0, after.length - before.length)
}

const app = await client({ name: 'Heart diary' })
const scopes = ['offline_access', 'launch/patient', 'patient/Observation.rs']
const askFor = async (allowed: readonly string[]) => {
  const { verifier, challenge } = pkce()
  const asking = world.browser()
  const { id } = await asking.begin(authorizeQuery(app.id, scopes.join(' '), challenge))
  const back = await asking.allow(id, await signIn(anns), { scopes: allowed })
  const code = back.searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  return (await tokenRequest(server, { ...form, client_id: app.id })).body.access_token as string
}
const deny = async () => {
  const asking = world.browser()
  const { id } = await asking.begin(authorizeQuery(app.id, scopes.join(' '), pkce().challenge))
  await asking.deny(id, await signIn(anns))
}
const revoke = async () => {
  const [grant] = await server.authorization.grantedApps.list(anns)
  await server.authorization.grantedApps.revoke(anns, grant?.id ?? '')
}

t.test('what an app does with a patient’s token is shown to the patient as done through the app', async t => {
  const bearer = await askFor(scopes)
  const read = async () => t.equal((await send(bearer, 'GET', 'Observation?_count=1000')).statusCode, 200)
  t.same(await toldOf(read), ['Through your app Heart diary Looked for: Heart rate'])
  t.same(await toldOf(read, 'es'), ['A través de su aplicación Heart diary Buscó: Frecuencia cardíaca'])
  t.same(
    await toldOf(async () => browserOf(await account(bob), 'en').then(bobs => bobs.get('/account/disclosures'))),
    [],
  )
})

t.test('what they granted to an app, and ended, is shown as done by themselves', async t => {
  await askFor(scopes)
  await askFor(['patient/Observation.rs'])
  await deny()
  await revoke()
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  for (const [language, who, ...deeds] of [
    [
      'en',
      'You',
      'Allowed something to the app Heart diary',
      'Allowed the app Heart diary less than it asked for',
      'Allowed the app Heart diary nothing',
      'Ended what the app Heart diary was allowed',
    ],
    [
      'es',
      'Usted',
      'Permitió algo a la aplicación Heart diary',
      'Permitió a la aplicación Heart diary menos de lo que pedía',
      'No permitió nada a la aplicación Heart diary',
      'Terminó lo que se permitía a la aplicación Heart diary',
    ],
  ] as const) {
    const shown = await browsers[language].get('/account/disclosures')
    t.match(shown.body, `<strong>${who}</strong>`)
    for (const deed of deeds) t.match(wordsOf(shown), deed)
  }
})

t.test('what the operator does with a token for the patient is shown as the operator’s', async t => {
  const operators = await token({ subject: { kind: 'patient', patient: ann }, scope: 'patient/*.rs' })
  t.same(await toldOf(() => send(operators, 'GET', 'Observation')), ['Command line Looked for: Heart rate'])
})

t.test('what our own pages write with a patient, as a scan, is named in the patient’s language', async t => {
  const reference = `Patient/${ann}`
  const write = async () => {
    const entry = [
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
        subject: { reference },
      },
      { resourceType: 'Organization', name: 'Lab' },
      { resourceType: 'Binary', contentType: 'application/pdf', data: 'JVBERi0=', securityContext: { reference } },
      {
        resourceType: 'Provenance',
        target: [{ reference }],
        recorded: '2030-01-01T00:00:00Z',
        agent: [{ who: { reference } }],
      },
    ].map(resource => ({ resource, request: { method: 'POST', url: resource.resourceType } }))
    const sent = await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
    t.equal(sent.statusCode, 200)
  }
  t.match(
    (await toldOf(write))[0],
    /Wrote: Heart rate, the organization, files and the record of where data came from$/,
  )
  t.match(
    (await toldOf(write, 'es'))[0],
    /Escribió: Frecuencia cardíaca, la organización, archivos y el registro de dónde vienen los datos$/,
  )
})

t.test('that somebody looked at the record of who looked is described in words that patients understand', async t => {
  const look = () => send('everything', 'GET', `AuditEvent?patient=Patient/${ann}&_count=1`)
  t.match((await toldOf(look))[0], /Looked for: the record of who looked at your data$/)
  t.match((await toldOf(look, 'es'))[0], /Buscó: el registro de quién ha mirado sus datos$/)
})

t.test('what they do on our pages is left out', async t => {
  for (const page of [`/patients/${ann}`, '/sharing', '/account/data', '/account/data/readings.csv'])
    t.same(await toldOf(async () => t.equal((await browsers.en.get(page)).status, 200, page)), [], page)
})

t.test('the accounting of disclosures leaves out what a patient did, even through apps', async t => {
  t.same(
    (await readDisclosures(database, { patient: ann })).flatMap(({ client }) =>
      client === 'Heart diary' ? [client] : [],
    ),
    [],
  )
})
