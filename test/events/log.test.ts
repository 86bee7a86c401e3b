import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { logEvents } from '../../src/events/log.ts'

t.test('a line says what happened with its values as they are, whatever letters they have', async t => {
  const said: unknown[] = []
  const note = (...entry: unknown[]) => void said.push(entry)
  const tell = logEvents({ info: note, warn: note, fatal: note } as Parameters<typeof logEvents>[0])
  tell({ kind: 'key-created', file: "/srv/$& and $'/secret.key" })
  tell({ kind: 'server-ready', address: 'https://sharewell.example' })
  t.same(said, [
    [
      { event: 'key-created', file: "/srv/$& and $'/secret.key" },
      "Made a new key in /srv/$& and $'/secret.key: back it up with the data",
    ],
    [
      { event: 'server-ready', address: 'https://sharewell.example' },
      'Sharewell is ready: https://sharewell.example in a browser, https://sharewell.example/fhir for apps',
    ],
  ])
})

t.test('a server whose log has no room goes on, and stops when it is told to', async t => {
  const done = runInto(
    '/dev/full',
    `const log = openLog('info')
    log.info('one')
    setTimeout(() => {
      log.fatal('two')
      process.stderr.write('it goes on')
      process.exit(0)
    }, 100)`,
  )
  t.same(done, { status: 0, signal: null, stderr: 'it goes on' })
})

t.test('so does one whose log nobody reads', async t => {
  const file = join(t.testdir(), 'log')
  spawnSync('sh', ['-c', 'mkfifo "$0"', file])
  const done = runInto(
    file,
    `process.stdout
    const log = openLog('info')
    for (let n = 0; n < 2000; n += 1) log.info('x'.repeat(100))
    setTimeout(() => {
      log.fatal('two')
      process.stderr.write('it goes on')
      process.exit(0)
    }, 100)`,
  )
  t.same(done, { status: 0, signal: null, stderr: 'it goes on' })
})

t.test('what could not be written is written once there is room', async t => {
  const file = join(t.testdir(), 'log')
  const done = runInto(
    file,
    `import fs from 'node:fs'
    const { write } = fs
    fs.write = (...args) => args.at(-1)(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
    const log = openLog('info')
    log.info('one')
    log.info('two')
    fs.write = write
    log.info('three')`,
  )
  t.same(done, { status: 0, signal: null, stderr: '' })
  const said = readFileSync(file, 'utf8').trimEnd().split('\n')
  t.same(
    said.map(line => JSON.parse(line).msg),
    ['one', 'two', 'three'],
  )
})

/** Runs it in a process that logs into the file. */
function runInto(file: string, script: string) {
  const logModule = JSON.stringify(join(import.meta.dirname, '../../src/events/log.ts'))
  // A pipe is opened like this without waiting for somebody who reads it.
  const output = openSync(file, 'a+')
  const args = ['--input-type=module', '--eval', `import { openLog } from ${logModule}\n${script}`]
  const { status, signal, stderr } = spawnSync(process.execPath, args, {
    stdio: ['ignore', output, 'pipe'],
    encoding: 'utf8',
    timeout: 20_000,
  })
  closeSync(output)
  return { status, signal, stderr }
}
