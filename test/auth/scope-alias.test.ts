import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { openBrowser, wordsOf } from '../support/browser.ts'
import { assertion, assertionType, makeKey } from './backend.ts'
import { authorizeQuery, base, openApps, pkce, redirectUri, tokenRequest } from './world.ts'

const world = await openApps()
const { server, database, ann, account, client, create, send } = world
t.teardown(() => server.close())
const person = await account(ann)

const codesOfHeartRate = (context: string) =>
  new RegExp(`^${context}/Observation\\.rs\\?code=https://w3id\\.org/openmhealth\\|omh:heart-rate,`)

t.test('a person is asked in words, and what they allow is the SMART scope; a refresh can name either', async t => {
  for (const code of ['8867-4', '40443-4', '29463-7']) {
    await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      subject: { reference: `Patient/${ann}` },
      code: { coding: [{ system: 'http://loinc.org', code }] },
    })
  }
  const { id } = await client({ name: 'Partner' })
  const browser = openBrowser(server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  const { verifier, challenge } = pkce()
  const asked =
    'OMHealthResource.HeartRate.Read OMHealthResource.BloodPressure.Read OMHealthResource.Nothing.Read offline_access'
  const { location = '' } = await browser.get(`/oauth/authorize?${authorizeQuery(id, asked, challenge)}`)
  const page = location.replace(base, '')
  const shown = await browser.get(page)
  t.match(wordsOf(shown), /Read your heart rate/)
  t.match(wordsOf(shown), /Read your blood pressure/)
  t.notMatch(shown.body, /OMHealthResource/)

  const scopes = [...shown.body.matchAll(/name="scope" value="([^"]*)"/g)].map(([, value = '']) => value)
  const heartRate = scopes.find(one => one.includes('heart-rate')) ?? ''
  const allowed = await browser.send(page, { decision: 'allow', scope: [heartRate, 'offline_access'] })
  const resumed = await browser.get((allowed.location ?? '').slice(base.length))
  const code = new URL(resumed.location ?? '').searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const { body } = await tokenRequest(server, { ...form, client_id: id })
  t.match(body, { patient: ann, scope: codesOfHeartRate('patient') })
  t.notMatch(body.scope, /blood-pressure/)
  const codesIn = async (token: string) => {
    const found: { entry: { resource: { code: { coding: { code: string }[] } } }[] } = (
      await send(token, 'GET', 'Observation')
    ).json()
    return found.entry.map(({ resource }) => resource.code.coding[0]?.code).sort()
  }
  t.same(await codesIn(body.access_token), ['40443-4', '8867-4'])

  const refresh = (scope: string, refresh_token: string) =>
    tokenRequest(server, { grant_type: 'refresh_token', client_id: id, refresh_token, scope })
  const again = await refresh('OMHealthResource.HeartRate.Read', body.refresh_token)
  t.match(again, { status: 200, body: { scope: codesOfHeartRate('patient') } })
  t.same(await codesIn(again.body.access_token), ['40443-4', '8867-4'])
  const more = await refresh('OMHealthResource.BloodPressure.Read', again.body.refresh_token)
  t.match(more, { status: 400, body: { error: 'invalid_scope' } })
})

t.test('a backend service gets no more with an alias than it is approved for', async t => {
  const key = await makeKey('RS384')
  const tokenOf = async (scope: string) => {
    const metadata = {
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
    }
    const { id } = await client({ name: 'Night job', organization: world.lab.organization, scope, metadata })
    return tokenRequest(server, {
      grant_type: 'client_credentials',
      client_assertion_type: assertionType,
      client_assertion: await assertion(id, key),
      scope: 'OMHealthResource.HeartRate.Read',
    })
  }
  t.match(await tokenOf('system/Observation.rs'), { status: 200, body: { scope: codesOfHeartRate('system') } })
  t.match(await tokenOf('system/Patient.rs'), { status: 400, body: { error: 'invalid_scope' } })
})

t.test('an app can register with aliases', async t => {
  const answer = await server.inject({
    method: 'POST',
    url: '/oauth/register',
    payload: {
      client_name: 'Partner',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
      scope: 'OMHealthResource.HeartRate.Read OMHealthResource.Nothing.Read openid',
    },
  })
  t.match([answer.statusCode, answer.json().scope], [201, /^patient\/Observation\.rs\?code=.*omh:heart-rate.* openid$/])
})
