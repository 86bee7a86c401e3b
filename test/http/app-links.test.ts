import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { fhirWorld } from '../support/fhir-server.ts'

const fingerprint = Array(32).fill('0A').join(':')

t.test('phones are told which apps open invitations', async t => {
  const { server } = await fhirWorld({
    ANDROID_APPS: `org.example.app=${fingerprint}, org.example.other=${fingerprint}`,
    APPLE_APPS: 'ABCDE12345.org.example.app',
  })
  t.teardown(() => server.close())
  const android = await server.inject({ url: '/.well-known/assetlinks.json' })
  t.match(android, { statusCode: 200, headers: { 'content-type': /^application\/json/ } })
  t.same(
    android.json(),
    ['org.example.app', 'org.example.other'].map(name => ({
      relation: ['delegate_permission/common.handle_all_urls'],
      target: { namespace: 'android_app', package_name: name, sha256_cert_fingerprints: [fingerprint] },
    })),
  )
  const apple = await server.inject({ url: '/.well-known/apple-app-site-association' })
  t.match(apple, { statusCode: 200, headers: { 'content-type': /^application\/json/ } })
  t.same(apple.json(), {
    applinks: {
      details: [{ appIDs: ['ABCDE12345.org.example.app'], components: [{ '/': '/invitation', '?': { link: '?*' } }] }],
    },
  })
})

t.test('without configured apps there is nothing', async t => {
  const { server } = await fhirWorld()
  t.teardown(() => server.close())
  for (const url of ['/.well-known/assetlinks.json', '/.well-known/apple-app-site-association'])
    t.equal((await server.inject({ url })).statusCode, 404, url)
})

t.test('an invalid app stops the start', async t => {
  const wrong: readonly (readonly [string, string])[] = [
    ['ANDROID_APPS', 'org.example.app'],
    ['ANDROID_APPS', `org.example.app=${fingerprint},`],
    ['APPLE_APPS', 'org.example.app'],
    ['INVITATION_APPS', '{}'],
    ['INVITATION_APPS', '[{"name":"App","link":"app://open"}]'],
    ['INVITATION_APPS', '[{"name":"App","link":"javascript:open(`{link}`)"}]'],
    ['INVITATION_APPS', '[{"name":"App","link":"http://app.example.org/{link}"}]'],
  ]
  for (const [name, value] of wrong)
    t.throws(() => readConfig({ [name]: value }), { message: new RegExp(`^${name} is `) }, `${name}=${value}`)
})
