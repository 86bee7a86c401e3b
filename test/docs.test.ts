import { type ChildProcess, type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import pg from 'pg'
import t, { type Test } from 'tap'
import packageJson from '../package.json' with { type: 'json' }
import { configurationTable } from '../src/config.ts'
import { openDatabase } from '../src/storage/database.ts'
import { readBackups } from '../src/storage/installation/backup.ts'
import { withDatabase } from './support/database.ts'
import { findPostgres } from './support/installed-postgres.ts'
import { allow } from './support/person-at-browser.ts'
import { programEnvironment } from './support/program-environment.ts'
import { isOnTurn, todays } from './support/turn.ts'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)
const ownEnvironment = {
  ...programEnvironment,
  PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
}
const readme = await readFile(join(root, 'README.md'), 'utf8')
const installed = await findPostgres()

t.test('the configuration table is that of src/config.ts', async t => {
  const rows = configurationTable.map(({ name, default: value, effect }) => `| \`${name}\` | ${value} | ${effect} |`)
  const table = ['| variable | default | effect |', '| --- | --- | --- |', ...rows].join('\n')
  t.equal(/<!-- configuration: [\w./]+ -->\n([\s\S]*?)\n?<!-- \/configuration -->/.exec(readme)?.[1], table)
})

t.test('every dependency has a row with its reason, and so has every package that was considered', async t => {
  const asked = ['fastify', '@fastify/oauth2', '@medplum/core', '@medplum/fhirtypes', 'fhirpath', 'pg', 'slonik']
  const installed = Object.keys({ ...packageJson.dependencies, ...packageJson.devDependencies })
  const section = readme.slice(readme.indexOf('## Dependencies'))
  const named = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => cell?.match(/[^`, ]+/g) ?? [])
  for (const name of [...asked, 'node-jose', 'tap', ...installed.filter(name => !name.startsWith('@types/'))]) {
    t.ok(named.includes(name), name)
  }
  const others = named.filter(name => !installed.includes(name) && name !== '@types/…')
  t.same(others, [], 'no other has one')
})

t.test('links to files lead somewhere', async t => {
  for (const file of await documents()) {
    const text = await readFile(join(root, file), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      await t.resolves(stat(join(root, file, '..', target)), `${file}: ${target}`)
    }
  }
})

t.test('the settings of docs/operating.md mean the same to a shell as to systemd', async t => {
  const operating = await readFile(join(root, 'docs', 'operating.md'), 'utf8')
  const [, settings = ''] = /^```sh\n(BASE_URL=[\s\S]*?)^```$/m.exec(operating) ?? []
  for (const line of settings.trim().split('\n')) t.match(line, /^(?:#.*|[A-Z_]+='[^']*')$/)
})

t.test('what the documents say to type works, and prints what they say', async t => {
  const python = await run('python3', ['--version']).catch(() => undefined)
  const { url, close } = await withDatabase()
  t.teardown(close)
  const environment = {
    ...ownEnvironment,
    HOME: process.env.HOME,
    DATABASE_URL: url,
    SECRET_KEY: randomBytes(32).toString('hex'),
  }
  const server = await startServer(environment)
  t.teardown(server.stop)
  for (const { file, script, languages, expected } of todays(await sessions(), 2)) {
    await t.test(file, { skip: languages.has('python') && !python && 'there is no python3' }, async t => {
      const { code, stdout, stderr } = await inShell(server.addressed(script), environment)
      t.equal(code, 0, 'every command succeeds')
      for (const text of expected) t.ok(stdout.includes(text), text)
      if (!t.passing()) t.comment(`${stdout}\n${stderr}`)
    })
  }
})

/** Making the demo's world takes as long as the other lists of `byTurns` in test/all.ts, with which it takes turns. */
if (isOnTurn(3, 4))
  t.test('the three apps get their tokens in the demo’s world as docs/apps.md says, word for word', t => walkThrough(t))

/** Makes a cluster and six servers or programs of its own. */
if (isOnTurn(1, 4))
  t.test(
    'pg_dump makes a backup that is recorded and restored, as docs/backup.md says',
    { skip: installed.why },
    async t => {
      const { url, pgDump, close } = await installed.open()
      t.teardown(close)
      const folder = await mkdtemp(join(tmpdir(), 'sharewell-backups-'))
      t.teardown(() => rm(folder, { recursive: true }))
      const environment = { ...ownEnvironment, SECRET_KEY: randomBytes(32).toString('hex') }
      const { get } = await writeOnce({ ...environment, DATABASE_URL: url })
      const restored = await emptyBeside(url)
      t.teardown(restored.close)
      const programs = { PG_DUMP: pgDump, PG_RESTORE: join(dirname(pgDump), 'pg_restore') }
      const backingUp = { ...environment, ...programs, DATABASE_URL: url, RESTORED: restored.url }
      const { script, expected } = toScript(await readFile(join(root, backup), 'utf8'))
      const made = await inShell(script, { ...backingUp, BACKUPS: folder })
      t.equal(made.code, 0, made.stderr)
      for (const text of expected) t.ok(made.stdout.includes(text.trim()), text)
      const [file = ''] = await readdir(folder)
      const failed = await inShell(script, { ...backingUp, BACKUPS: join(folder, 'nowhere') })
      t.equal(failed.code, 1, failed.stderr)
      const database = openDatabase(url)
      const backups = await readBackups(database)
      await database.close()
      const { size } = await stat(join(folder, file))
      t.match(backups.last, { by: 'pg_dump', label: join(folder, file), bytes: size })
      t.match(backups.failed, { by: 'pg_dump', failed: /could not open output file/ })
      const broken = await breakingOff(
        script,
        { ...backingUp, BACKUPS: await mkdtemp(join(folder, 'other-')) },
        join(folder, file),
      )
      t.match(broken, dumpsThatBreakOff, 'a dump that breaks off is not a backup, and nothing of it is restored')
      const server = await startServer({ ...environment, DATABASE_URL: restored.url })
      t.teardown(server.stop)
      t.match(
        await get(server),
        { status: 200, body: { name: 'Riverside' } },
        'a token of before reads what was there before',
      )
    },
  )

/** Needs no server, but a pg_dump that is as new as the database. */
const backup = 'docs/backup.md'

/** A pg_dump whose disk is full. */
const dumpsHalf = `#!/bin/sh
for argument; do case $argument in --file=*) echo half >"\${argument#--file=}";; esac; done
echo 'No space left on device' >&2
exit 1
`
const dumpsThatBreakOff =
  /^Recorded: a backup that has failed, .*\nfull-disk\nAgain\nThe record is whole\.\n[1-9]\d* rows are sealed, .*\n$/

/** Writes a resource with a server that stops afterwards; `get` reads it from another one, with the same token. */
const writeOnce = async (environment: NodeJS.ProcessEnv) => {
  const args = ['token', '--client', 'importer', '--policy', 'everything', '--scope', 'system/*.cruds']
  const token = (await run('node', ['src/main.ts', ...args], { cwd: root, env: environment })).stdout.trim()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' }
  const server = await startServer(environment)
  const body = JSON.stringify({ resourceType: 'Organization', name: 'Riverside' })
  const made = await fetch(server.addressed('http://localhost:8080/fhir/Organization'), {
    method: 'POST',
    headers,
    body,
  })
  const { id } = (await made.json()) as { readonly id: string }
  await server.stop()
  const get = async ({ addressed }: Pick<typeof server, 'addressed'>) => {
    const answer = await fetch(addressed(`http://localhost:8080/fhir/Organization/${id}`), { headers })
    return { status: answer.status, body: await answer.json() }
  }
  return { get }
}

/** The output if a dump breaks off, then if a truncated one is restored, and then, into the same database, a complete one. */
const breakingOff = async (
  script: string,
  environment: NodeJS.ProcessEnv & { readonly BACKUPS: string },
  whole: string,
) => {
  const restored = await emptyBeside(environment.DATABASE_URL ?? '')
  const [fullDisk, cutOff] = [join(environment.BACKUPS, 'full-disk'), join(environment.BACKUPS, 'cut-off')]
  try {
    await writeFile(fullDisk, dumpsHalf, { mode: 0o700 })
    const rest = `ls "$BACKUPS"; head -c 20000 '${whole}' >'${cutOff}'; restore '${cutOff}'; echo Again; restore '${whole}'`
    const env = { ...environment, PG_DUMP: fullDisk, RESTORED: restored.url }
    // Pasted into a shell that goes on if something fails.
    return (await run('bash', ['-c', `${script}\n${rest}`], { cwd: root, env })).stdout
  } finally {
    await restored.close()
  }
}

/** A database without tables in the same cluster. */
const emptyBeside = async (url: string) => {
  const [name, address] = [`sharewell_restored_${randomBytes(4).toString('hex')}`, new URL(url)]
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE DATABASE ${name} TEMPLATE template0`)
  address.pathname = `/${name}`
  const close = async () => {
    await client.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await client.end()
  }
  return { url: address.href, close }
}

/** Continues from where the demo has led its reader. */
const walk = 'docs/apps.md'

const documents = async (): Promise<string[]> => {
  const inDocs = await readdir(join(root, 'docs'), { recursive: true })
  return ['README.md', 'CONTRIBUTING.md', ...inDocs.filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]
}

/** What a document alone has its reader type, with a server of ours running. */
const sessions = async () => {
  const all = (await documents()).filter(file => file !== walk && file !== backup).toSorted()
  const read = all.map(async file => ({ file, ...toScript(await readFile(join(root, file), 'utf8')) }))
  return (await Promise.all(read)).filter(({ script }) => script !== '')
}

/** The blocks that are marked `run`, as one session; Python reads what the shell exported. */
function toScript(markdown: string) {
  const languages = new Set<string>()
  const parts = [...markdown.matchAll(/^```(sh|python) run\n([\s\S]*?)^```$/gm)].map(([, language = '', code = '']) => {
    languages.add(language)
    return language === 'sh' ? code : `python3 - <<'END_OF_PYTHON'\n${code}END_OF_PYTHON\n`
  })
  const expected = [...markdown.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
  return { script: parts.join('\n'), languages, expected }
}

const inShell = async (script: string, env: NodeJS.ProcessEnv) => {
  try {
    return { code: 0, ...(await run('bash', ['-euo', 'pipefail', '-c', script], { cwd: root, env })) }
  } catch (error) {
    return error as { readonly code: number; readonly stdout: string; readonly stderr: string }
  }
}

/** Runs `npm run demo -- --days 7`: what it prints for pasting, its figures, and the password with which people sign in. */
async function startDemo(environment: NodeJS.ProcessEnv) {
  const child = spawn('node', ['src/main.ts', 'demo', '--days', '7'], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  let [password, figures, outbox] = ['', '', '']
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', line => {
      if (line.startsWith('    export ')) lines.push(line.trim())
      password = /password of all \w+: (\w+)/.exec(line)?.[1] ?? password
      if (line.endsWith('are what they must be.')) figures = line
      outbox = /lies at (\S+\/outbox),/.exec(line)?.[1] ?? outbox
      if (line.includes('Ctrl-C')) resolve()
    })
    endedEarly(child, reject)
  })
  return { lines, password, figures, outbox, stop: () => stop(child) }
}

/**
 * Whenever the script prints an address to open, the person it names opens it and allows what is asked. The browser comes back to the script if that
 * listens; otherwise what is in its address bar is pasted.
 */
async function inShellWithBrowser(script: string, env: NodeJS.ProcessEnv, password: string) {
  const child = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    cwd: root,
    env: { ...env, BROWSER: 'true' },
  })
  const said = { stdout: '', stderr: '' }
  let email = ''
  const open = async (link: string) => {
    const address = await allow(link, { email, password })
    await fetch(address).catch(() => child.stdin.write(`${address}\n`))
  }
  createInterface({ input: child.stdout }).on('line', line => {
    said.stdout += `${line}\n`
    email = /\S+@\w+\.example/.exec(line)?.[0] ?? email
    if (/^http:\/\/localhost:\d+\/\S+$/.test(line) && !line.includes('/fhir/'))
      open(line).catch(error => child.stdin.end(() => t.fail(error)))
  })
  child.stderr.on('data', text => {
    said.stderr += text
  })
  const [code] = await once(child, 'close')
  return { code, ...said }
}

/** Runs `npm start` on a free port, which replaces the documents' own. */
async function startServer(environment: NodeJS.ProcessEnv) {
  const child = spawn('node', ['src/main.ts', 'serve'], {
    cwd: root,
    env: { ...environment, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', line => {
      const entry: { event?: string; address?: string } = JSON.parse(line)
      if (entry.event === 'server-ready' && entry.address !== undefined) resolve(entry.address)
    })
    endedEarly(child, reject)
  })
  return { stop: () => stop(child), addressed: (text: string) => text.replaceAll('http://localhost:8080', address) }
}

/** With its output in the message, since that may be all that is kept of a failed test. */
function endedEarly(child: ChildProcessByStdio<null, Readable, Readable>, reject: (error: Error) => void): void {
  let said = ''
  child.stderr.on('data', text => {
    said += text
    process.stderr.write(text)
  })
  child.once('close', code =>
    reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}: ${said.replace(/\s+/g, ' ')}`)),
  )
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

const walkThrough = async (t: Test): Promise<void> => {
  const { url, close } = await withDatabase()
  t.teardown(close)
  const environment = {
    ...ownEnvironment,
    DATABASE_URL: url,
  }
  const demo = await startDemo(environment)
  t.teardown(demo.stop)
  t.match(demo.figures, /^ {2}(\d+) of \1 are what they must be\.$/, 'its story is as expected')
  t.match(await (await fetch(demo.outbox)).text(), /To kavya\.raman@sharewell\.example/, 'somebody is invited')
  const { script, expected } = toScript(await readFile(join(root, walk), 'utf8'))
  const { code, stdout, stderr } = await inShellWithBrowser(
    [...demo.lines, script].join('\n'),
    environment,
    demo.password,
  )
  t.equal(code, 0, 'every command succeeds')
  for (const text of expected) t.ok(stdout.includes(text), text)
  if (!t.passing()) t.comment(`${stdout}\n${stderr}`)
}
