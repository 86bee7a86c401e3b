import t from 'tap'
import { fhirWorld } from '../support/fhir-server.ts'
import { runProgram } from '../support/run-program.ts'

const { server, url } = await fhirWorld()
t.teardown(() => server.close())
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
for (const resource of [
  { resourceType: 'Patient', id: 'known' },
  { resourceType: 'Organization', id: 'known', name: 'Known' },
]) {
  const place = `/fhir/${resource.resourceType}/${resource.id}`
  await server.inject({ method: 'PUT', url: place, headers, payload: JSON.stringify(resource) })
}
const run = (...args: readonly string[]) =>
  runProgram(['token', ...args], { DATABASE_URL: url, SECRET_KEY: '07'.repeat(32) })

t.test('a token is only made for somebody who exists', async t => {
  const scope = ['--scope', 'patient/Observation.rs']
  for (const [args, error] of [
    [['--patient', 'nobody', ...scope], 'Patient/nobody is not known\n'],
    [['--patient', 'known', '--study', 'none', ...scope], 'ResearchStudy/none is not known\n'],
    [['--client', 'job', '--organization', 'none', ...scope], 'Organization/none is not known\n'],
  ] as const)
    t.strictSame(await run(...args), { code: 1, out: '', error }, args.join(' '))
  t.match(await run('--patient', 'known', ...scope), { code: 0, out: /^[\w-]{43}\n$/, error: '' })
  t.match(await run('--client', 'job', '--organization', 'known', '--scope', 'system/Observation.rs'), { code: 0 })
})

t.test('a scope that would give nothing is reported', async t => {
  for (const [scope, told] of [
    ['nonsense', /^--scope "nonsense" grants nothing: write scopes such as/],
    [
      'user/*.rs patient/Observations.rs',
      /^--scope patient\/Observations.rs grants nothing: Observations is no type of/,
    ],
    [
      'patient/Observation.rs?colour=red',
      /^--scope patient\/Observation.rs\?colour=red grants nothing: "colour" is no/,
    ],
  ] as const)
    t.match(await run('--patient', 'known', '--scope', scope), { code: 1, out: '', error: told }, scope)
})

t.test('a token is in force for a year at most', async t => {
  const forTime = (ttl: string) => run('--patient', 'known', '--scope', 'patient/Observation.rs', '--ttl', ttl)
  const limit = 'is invalid. Write a number and s, m, h or d, up to 365d: 90s, 15m, 1h, 7d.'
  for (const ttl of ['99999d', '8761h', '31536001s', '1w']) {
    const { code, out, error } = await forTime(ttl)
    const [told] = error.split('\n', 1)
    t.strictSame(
      { code, out, told },
      { code: 1, out: '', told: `error: option '--ttl <time>' argument '${ttl}' ${limit}` },
    )
  }
  for (const ttl of ['365d', '31536000s']) t.match(await forTime(ttl), { code: 0, error: '' }, ttl)
})
