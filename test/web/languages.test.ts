import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { openBrowser, wordsOf } from '../support/browser.ts'
import { openPeople } from './people.ts'

const { server, mailbox, database, newAccount } = await openPeople()
t.teardown(() => Promise.all([server.close(), mailbox.close()]))

const pages = {
  '/sign-in': 'Iniciar sesión',
  '/sign-up?sent': 'Mire su correo',
  '/forgotten-password': 'Elegir una contraseña nueva',
  '/verification': 'Este enlace ya no sirve',
  '/second-factor': 'Inicie sesión otra vez, por favor',
  '/sharing/nothing': 'No existe esa página',
  '/account': 'Su cuenta',
  '/account/data': 'Sus datos, para llevar',
  '/account/disclosures': 'Quién ha mirado sus datos',
  '/account/email': 'Cambiar su correo electrónico',
  '/account/name': 'Cambiar su nombre',
  '/account/password': 'Cambiar su contraseña',
  '/account/second-factor': 'Segundo factor',
  '/account/second-factor/set-up': 'Preparar una aplicación de autenticación',
  '/account/sessions': 'Dónde tiene la sesión abierta',
  '/sharing': 'Lo que comparte',
} as const

t.test('the pages that patients use are in the language of their browser', async t => {
  const { person } = await newAccount('ana')
  const headers = { 'accept-language': 'es-PE,es;q=0.9' }
  const [nobody, ana] = [openBrowser(server, { headers }), openBrowser(server, { headers })]
  ana.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  for (const [path, title] of Object.entries(pages)) {
    const { body, headers } = await (/^\/(account|sharing)/.test(path) ? ana : nobody).get(path)
    t.match(body, '<html lang="es">', path)
    t.match(body, `<h1>${title}</h1>`)
    t.match(headers.vary, /accept-language/, path)
  }
})

t.test('what is wrong is said in it as well', async t => {
  const browser = openBrowser(server, { headers: { 'accept-language': 'es' } })
  const refused = await browser.send('/sign-in', { email: 'nobody@example.org', password: 'seven green umbrellas' })
  t.match([refused.status, wordsOf(refused)], [422, /Este correo electrónico y esta contraseña no van juntos/])
})
