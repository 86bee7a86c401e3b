import t from 'tap'
import { wordsFor } from '../../src/messages/catalogue.ts'
import { startSession } from '../../src/storage/account/session.ts'
import { keepClient } from '../../src/storage/authorization/client-registration.ts'
import { authorizeQuery, base, pkce, redirectUri } from '../auth/world.ts'
import { openBrowser, wordsOf } from '../support/browser.ts'
import { openPeople } from './people.ts'

const { server, mailbox, database, newAccount, create } = await openPeople()
t.teardown(() => Promise.all([server.close(), mailbox.close()]))

const pages = {
  '/sign-in': 'Iniciar sesión',
  '/launch': 'Abra Sharewell desde su historial electrónico',
  '/launched/nothing': 'Esta apertura ha terminado',
  '/sign-up?sent': 'Mire su correo',
  '/authorize/unknown': 'Esta petición ha terminado',
  '/oauth/authorize?client_id=unknown': 'No se puede responder a lo que pide esta aplicación',
  '/forgotten-password': 'Elegir una contraseña nueva',
  '/verification': 'Abra otra vez el enlace de su mensaje',
  '/verification?link=x': 'Este enlace ya no sirve',
  '/second-factor': 'Inicie sesión otra vez, por favor',
  '/sharing/nothing': 'Usted no tiene un lugar en este estudio',
  '/account': 'Su cuenta',
  '/account/apps': 'Aplicaciones que ha permitido',
  '/account/contacts': 'Adónde le escriben los estudios',
  '/account/data': 'Sus datos, para llevárselos',
  '/account/disclosures': 'Quién ha mirado sus datos',
  '/account/ehrs': 'Historiales electrónicos que inician su sesión',
  '/account/email': 'Cambiar su correo electrónico',
  '/account/name': 'Cambiar su nombre',
  '/account/password': 'Cambiar su contraseña',
  '/account/readings': 'Sus mediciones, una por una',
  '/account/refused': 'Mediciones rechazadas',
  '/account/second-factor': 'Segundo factor',
  '/account/second-factor/set-up': 'Preparar una aplicación de autenticación',
  '/account/sessions': 'Dónde tiene la sesión abierta',
  '/sharing': 'Lo que comparte',
  '/sharing/with': 'Aquí no hay nadie con quien compartir',
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

t.test('only what is wrong with a form is told in the language of the page, and nothing else', async t => {
  const { person } = await newAccount('wrong')
  const headers = { 'accept-language': 'es' }
  const [nobody, own] = [openBrowser(server, { headers }), openBrowser(server, { headers })]
  own.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  for (const path of ['/account/email', '/account/name', '/account/password', '/forgotten-password']) {
    const wrong = await (path.startsWith('/account') ? own : nobody).send(path, { email: '', name: '' })
    t.match([wrong.status, wrong.body], [422, '<h2 class="alert-heading">Revise lo que ha escrito</h2>'], path)
  }
})

t.test('the sessions page is in the reader’s language', async t => {
  const { person } = await newAccount('devices')
  const browser = openBrowser(server, { headers: { 'accept-language': 'es' } })
  const start = (device: string) => startSession(database, { person, methods: ['pwd'], device })
  for (const device of ['Firefox on Android', 'Browser on Windows', 'Unknown browser', 'Opera']) await start(device)
  browser.cookies.set('sharewell-session', await start('Safari on iPhone'))
  const { body } = await browser.get('/account/sessions')
  t.same([...body.matchAll(/<strong>([^<]*)/g)].map(([, device]) => device).toSorted(), [
    'Firefox en Android',
    'Navegador desconocido',
    'Navegador en Windows',
    'Opera',
    'Safari en iPhone',
  ])
  t.match(body, /aria-label="Cerrar sesión: Firefox en Android"[^>]*>Cerrar sesión</)
})

// https://www.w3.org/TR/WCAG22/#label-in-name
t.test('the accessible name of a button begins with its visible text', async t => {
  for (const { say } of ['en', 'es'].map(wordsFor))
    for (const [name, shown] of [
      ['sessions.end-one', 'sign-out'],
      ['apps.end-one', 'apps.end'],
      ['apps.own-one', 'apps.own'],
      ['ehrs.unlink-one', 'ehrs.unlink'],
    ] as const)
      t.ok(say(name).startsWith(say(shown)), `${say(name)}: ${say(shown)}`)
})

t.test('if nothing exists at an address, a browser gets a page, and a program what it reads', async t => {
  const accept = 'text/html,application/xhtml+xml,*/*;q=0.8'
  const browser = openBrowser(server, { headers: { accept, 'accept-language': 'es' } })
  const shown = await browser.get('/nada/de/esto')
  t.match([shown.status, shown.body], [404, '<h1>No existe esa página</h1>'])
  t.match(shown.headers['content-security-policy'], /^default-src 'none';.*frame-ancestors 'none';form-action 'self'$/)
  for (const [path, headers] of [
    ['/nothing', {}],
    ['/fhir/nothing', { accept }],
    ['/oauth/nothing', { accept }],
  ] as const)
    t.match((await openBrowser(server, { headers }).get(path)).headers['content-type'], /json/, path)
})

t.test('a letter is in the language of the browser that its recipient last used, whoever causes it', async t => {
  const { person, email } = await newAccount('lia')
  const spanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
  spanish.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  await spanish.get('/account')
  const somebody = openBrowser(server, { headers: { 'accept-language': 'en' } })
  await somebody.send('/forgotten-password', { email })
  const own = await mailbox.next()
  t.equal(own.to, email)
  t.match(own.text, /Hola:\n\nAlguien, creemos que usted, .*\/new-password\?link=/s)
})

t.test('errors are in that language as well', async t => {
  const browser = openBrowser(server, { headers: { 'accept-language': 'es' } })
  const refused = await browser.send('/sign-in', { email: 'nobody@example.org', password: 'seven green umbrellas' })
  t.match([refused.status, wordsOf(refused)], [422, /Este correo electrónico y esta contraseña no van juntos/])
})

t.test('what an app asks for and what it was granted are in that language', async t => {
  await keepClient(database, {
    id: 'diary',
    name: 'Heart <diary>',
    policies: [],
    scope: '',
    selfRegistered: true,
    metadata: {
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
  })
  const { id } = await create('everything', { resourceType: 'Patient', name: [{ text: 'Eva' }] })
  const { person } = await newAccount('eva', [`Patient/${id}`])
  const browser = openBrowser(server, { headers: { 'accept-language': 'es' } })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  const scope = ['launch/patient', 'patient/Observation.rs', 'patient/*.d', 'offline_access']
  const asked = `/oauth/authorize?${authorizeQuery('diary', scope.join(' '), pkce().challenge)}`
  const page = (await browser.get(asked)).location?.replace(base, '') ?? ''
  const shown = await browser.get(page)
  t.match(shown, { status: 200, body: /<html lang="es">/, headers: { vary: /accept-language/ } })
  const words = wordsOf(shown)
  t.match(words, '¿Permitir Heart &lt;diary&gt;? La aplicación Heart &lt;diary&gt; pide usar datos')
  t.match(words, 'Nadie de aquí ha examinado esta aplicación. Se registró por su cuenta')
  t.match(words, 'Ha iniciado sesión como eva (eva@example.org). Iniciar sesión como otra persona Pide permiso para')
  t.match(words, 'Leer Saber de qué paciente se trata Leer estos datos suyos: mediciones y respuestas a encuestas')
  t.match(words, 'Añadir o modificar Borrar todos sus datos de salud Atención: esto es todo')
  t.match(words, 'Elegir tipos de mediciones Permitir Denegar')
  t.match(await browser.send(page, { decision: 'allow' }), { status: 422, body: /No hay nada marcado/ })
  const narrowed = await browser.send(page, { decision: 'some-kinds', scope })
  t.match(wordsOf(narrowed), /Solo estos tipos de mediciones .* Sueño profundo/)
  const { location = '' } = await browser.send(page, { decision: 'allow', scope })
  await browser.get(location.slice(base.length))
  t.match(
    wordsOf(await browser.get('/account/apps')),
    /Heart &lt;diary&gt; .* Permitida el \d.* UTC\. Termina el \d.* UTC, y sigue mientras usted no está\. Terminar/,
  )
})
