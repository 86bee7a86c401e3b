import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { programEnvironment } from './support/program-environment.ts'
import { openStudies } from './support/study.ts'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)

t.test('what an app sends in docs/first-day.md is stored, and read by those with whom it is shared', async t => {
  const { server, url, institution, study, participant, staffToken, pages } = await openStudies()
  t.teardown(() => server.close())
  const { organization, manager } = await institution('riverside')
  const asked = await study(manager, organization, 'hearts', ['omh:heart-rate'])
  const ana = await participant(manager, organization, asked.id, ['omh:heart-rate'], 'ana')
  const address = await server.listen({ port: 0, host: '127.0.0.1' })
  const text = await readFile(join(root, 'docs', 'first-day.md'), 'utf8')
  const [, upload = ''] = /^```sh\n(PATIENT=ID\n[\s\S]*?)^```$/m.exec(text) ?? []
  const script = upload.replace('PATIENT=ID', `PATIENT=${ana}`).replaceAll('http://localhost:8080', address)
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: root,
    env: {
      ...programEnvironment,
      PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
      HOME: process.env.HOME,
      DATABASE_URL: url,
      SECRET_KEY: '07'.repeat(32),
    },
  })
  const stored = JSON.parse(stdout)
  t.match(stored, {
    resourceType: 'Observation',
    valueQuantity: { value: 62, code: '/min' },
    subject: { reference: `Patient/${ana}` },
  })
  const found = await pages(await staffToken(asked.researcher, 'user/*.rs'), 'Observation?code=omh:heart-rate')
  t.same(
    found.map(({ resource }) => resource.id),
    [stored.id],
  )
})
