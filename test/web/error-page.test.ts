import t from 'tap'
import { openBrowser, wordsOf } from '../support/browser.ts'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const browser = openBrowser(server, { headers: { accept: 'text/html,*/*' } })

t.test('a malformed address is answered with a page, which loads nothing from elsewhere', async t => {
  for (const [path, status] of [
    ['/patients/100%', 400],
    ['/account/%zz?name=%', 400],
    ['/static/%c0%ae', 400],
    [`/patients/${'a'.repeat(1500)}`, 414],
  ] as const) {
    const shown = await browser.get(path)
    t.equal(shown.status, status, path)
    const { 'x-request-id': id, 'content-type': type, 'content-security-policy': policy } = shown.headers
    t.match(type, 'text/html')
    t.match(policy, "default-src 'none'")
    t.match(
      wordsOf(shown),
      `That did not work We could not understand what your browser sent. Please go back and try again. Go to the start If you ask somebody for help, give them this number: ${id}`,
    )
  }
  t.match(wordsOf(await browser.get('/nowhere')), 'There is no such page')
})

t.test('programs are answered with an OperationOutcome', async t => {
  for (const [url, accept] of [
    ['/patients/100%', 'application/json'],
    ['/fhir/Patient/100%', 'text/html'],
    ['/oauth/%zz', 'text/html'],
  ] as const) {
    const answer = await server.inject({ url, headers: { accept } })
    t.same(
      [answer.statusCode, answer.json()],
      [
        400,
        {
          resourceType: 'OperationOutcome',
          issue: [{ severity: 'error', code: 'invalid', diagnostics: 'The URL is not well-formed' }],
        },
      ],
      url,
    )
  }
})
