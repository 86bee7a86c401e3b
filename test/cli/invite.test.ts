import t from 'tap'
import { withDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const run = (args: readonly string[], env: Readonly<Record<string, string>>) => runProgram(['invite', ...args], env)

const { url, close } = await withDatabase()
t.teardown(close)
const environment = { DATABASE_URL: url, BASE_URL: 'https://share.example.org' }

t.test('the operator is given a link for one address, which works once', async t => {
  t.match(await run(['ana@example.org'], environment), {
    code: 0,
    out: /^https:\/\/share\.example\.org\/new-account\?link=[\w-]{43}\n$/,
    error: 'It works once, for 7 days.\n',
  })
})

t.test('what cannot be is told in one line', async t => {
  const refused: readonly (readonly [readonly string[], Readonly<Record<string, string>>, string])[] = [
    [['ana'], {}, '"ana" is no e-mail address\n'],
    [['ana@example.org', '--person', 'nobody'], {}, 'Person/nobody is not known\n'],
    [['ana@example.org'], { SIGN_UP: 'closed' }, 'SIGN_UP is closed: nobody may make an account\n'],
  ]
  for (const [args, more, error] of refused)
    t.same(await run(args, { ...environment, ...more }), { code: 1, out: '', error })
})
