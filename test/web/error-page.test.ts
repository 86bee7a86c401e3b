import Fastify from 'fastify'
import t from 'tap'
import { FhirError } from '../../src/fhir/error.ts'
import { answerErrorPage } from '../../src/web/error-page.ts'
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

t.test('whoever has no right to what they do is told so, and nothing of how long the page was open', async t => {
  const refusing = Fastify()
  t.teardown(() => refusing.close())
  refusing.setErrorHandler(answerErrorPage)
  refusing.get('/form', async () => {
    throw new FhirError('forbidden', 'Patient/1 may be read, but not changed')
  })
  for (const [language, words] of [
    [
      'en',
      'You may not do this You have no right to it, or no longer have it. Nothing of what you sent was saved or done.',
    ],
    [
      'es',
      'Usted no puede hacer esto No tiene permiso para hacerlo, o ya no lo tiene. No se ha guardado ni hecho nada',
    ],
  ] as const) {
    const shown = await openBrowser(refusing, { headers: { 'accept-language': language } }).get('/form')
    t.equal(shown.status, 403)
    t.match(wordsOf(shown), words)
  }
  const foreign = await browser.post('/sign-in', {})
  t.match([foreign.status, wordsOf(foreign)], [403, /Please send that again The page was open for too long/])
})

t.test('whoever is overtaken is answered alike, whether a page or the store has found it', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const status of [409, 412])
    app.post(`/${status}`, (request, reply) =>
      answerErrorPage(new FhirError('conflict', 'It has another version', { status }), request, reply),
    )
  for (const url of ['/409', '/412']) {
    const { statusCode, body } = await app.inject({ method: 'POST', url })
    t.match([statusCode, wordsOf({ body })], [409, 'Something else came between'], url)
  }
})
