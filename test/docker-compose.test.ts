import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { configurationTable, readConfig } from '../src/config.ts'

// No container engine runs here, so this only checks what the files say.

type Service = {
  readonly build?: string
  readonly image?: string
  readonly environment: Readonly<Record<string, string>>
  readonly healthcheck: { readonly test: readonly string[] }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly volumes?: readonly string[]
}
type Compose = {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, null>>
}

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFile(join(root, file), 'utf8')

const secrets = { POSTGRES_PASSWORD: 'a'.repeat(48), SECRET_KEY: '0'.repeat(64) }
const composeText = await read('docker-compose.yml')
const composeWith = (environment: Readonly<Record<string, string>>): Compose =>
  JSON.parse(JSON.stringify(parse(composeText)), (_, value) =>
    typeof value === 'string' ? resolved(value, environment) : value,
  )

t.test('the compose file has a server and a PostgreSQL 18, each with a health check', async t => {
  const { services } = composeWith(secrets)
  t.same(Object.keys(services), ['server', 'database'])
  t.equal(services.server?.build, '.')
  t.equal(services.database?.image, 'postgres:18')
  for (const [name, { healthcheck }] of Object.entries(services)) {
    t.equal(healthcheck.test[0], 'CMD', `${name} has a health check that needs no shell`)
  }
  t.equal(services.server?.depends_on?.database?.condition, 'service_healthy')
})

t.test('the server gets only variables that it knows, and starts with them', async t => {
  const environment = composeWith(secrets).services.server?.environment ?? {}
  const known = configurationTable.map(({ name }) => name)
  t.same(
    Object.keys(environment).filter(name => !known.includes(name)),
    [],
  )
  const config = readConfig(environment)
  t.equal(config.host, '0.0.0.0')
  t.equal(config.baseUrl, 'http://localhost:8080')
})

t.test(
  'every variable reaches the server as it is set, except those of folders and of the container itself',
  async t => {
    const settable = configurationTable.map(({ name }) => name).filter(name => !ofContainer.has(name))
    const said = Object.fromEntries(settable.map(name => [name, `said of ${name}`]))
    const { environment, volumes } = composeWith({ ...secrets, ...said }).services.server ?? {}
    t.same(Object.fromEntries(settable.map(name => [name, environment?.[name]])), {
      ...said,
      SAML_CERTIFICATE: '/etc/sharewell/saml.pem',
    })
    t.same(volumes, ['said of SAML_CERTIFICATE:/etc/sharewell/saml.pem:ro'])
  },
)

t.test('a variable that is not set is as if the file did not name it', async t => {
  const { PORT, HOST, BASE_URL, DATABASE_URL, ...rest } = composeWith(secrets).services.server?.environment ?? {}
  t.same(readConfig(rest), readConfig({ SECRET_KEY: secrets.SECRET_KEY }))
})

/** What the container has of its own: where it listens, its database, and folders that do not exist here. */
const ofContainer: ReadonlySet<string> = new Set(['PORT', 'HOST', 'DATABASE_URL', 'DATA_DIR', 'OMH_SCHEMA_DIR'])

t.test('the server uses the database of the same file', async t => {
  const { services } = composeWith(secrets)
  const url = new URL(services.server?.environment.DATABASE_URL ?? '')
  const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = services.database?.environment ?? {}
  t.ok(url.hostname in services)
  t.same([url.username, url.password, url.pathname], [POSTGRES_USER, POSTGRES_PASSWORD, `/${POSTGRES_DB}`])
})

t.test('without its secrets it does not start', async t => {
  for (const name of Object.keys(secrets)) {
    const rest = Object.entries(secrets).filter(([other]) => other !== name)
    t.throws(() => composeWith(Object.fromEntries(rest)), { message: new RegExp(`^${name}: set it to`) })
  }
})

t.test('the rows are in a named volume, where the image of PostgreSQL 18 keeps them', async t => {
  const { services, volumes } = composeWith(secrets)
  t.same(services.database?.volumes, ['database:/var/lib/postgresql'])
  t.ok('database' in volumes)
})

t.test('the image does not run as root, reports its health, and copies only what exists', async t => {
  const lines = (await read('Dockerfile')).split('\n')
  t.match(lines[0], /^FROM node:24-slim$/)
  t.match(
    lines.findLast(line => line.startsWith('USER ')),
    /^USER node$/,
  )
  t.ok(lines.some(line => /^ {2}CMD .*\/healthz/.test(line)))
  const ignored = (await read('.dockerignore')).split('\n')
  const copied = lines.filter(line => line.startsWith('COPY ')).flatMap(line => line.split(' ').slice(1, -1))
  for (const path of copied) {
    await t.resolves(access(join(root, path)))
    t.ok(ignored.includes(`!${path}`), `${path} reaches the engine`)
  }
})

/** `${NAME}`, `${NAME:-default}`, `${NAME:+instead}` and `${NAME:?message}`: the forms of the compose specification that the file uses. */
function resolved(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+)(?::([-+?])([^}]*))?\}/g, (_, name, form, rest) => {
    if (form === '+') return environment[name] ? rest : ''
    const value = environment[name] || (form === '-' ? rest : undefined)
    if (value === undefined) throw new Error(`${name}: ${rest ?? 'is not set'}`)
    return value
  })
}
