import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { openOwnStores } from '../../src/cli/own-store.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'
import { createPerson } from './create-person.ts'

const run = (args: readonly string[], env: Readonly<Record<string, string>>) => runProgram(['invite', ...args], env)

const { url, database } = await openTestDatabase(t)
const environment = { DATABASE_URL: url, BASE_URL: 'https://share.example.org' }

t.test('the operator gets a link for one address, which works once', async t => {
  t.match(await run(['ana@example.org'], environment), {
    code: 0,
    out: /^https:\/\/share\.example\.org\/new-account\?link=[\w-]{43}\n$/,
    error: 'It works once, for 7 days.\n',
  })
})

t.test('somebody with an account is let in by the link, and the operator is told what they may not know', async t => {
  const ana = await createPerson(await openOwnStores(database), 'Ana')
  await database.run(sql.fragment`INSERT INTO user_account (email, person) VALUES ('anna@example.org', ${ana})`)
  const asked = async (...options: readonly string[]) =>
    (await run(['Anna@example.org', ...options], environment)).error
  const once = 'It works once, for 30 minutes.\n'
  const known = 'There is an account already: the link chooses its password.\n'
  const unconfirmed = 'Nobody has confirmed that Anna@example.org is theirs: make sure whose account it is.\n'
  t.equal(await asked(), `${once}${known}${unconfirmed}`)
  t.equal(await asked('--person', ana), once, 'if the account is named with its person, it is known')
  const another = await createPerson(await openOwnStores(database), 'Another')
  t.equal(await asked('--person', another), `Anna@example.org is the address of Person/${ana} already\n`)
  t.equal(await asked('--administrator'), `${once}${known}${unconfirmed}So it makes no administrator of it.\n`)
  await database.run(sql.fragment`UPDATE user_account SET verified_at = now()`)
  const becoming = 'With the password, it becomes one that administers the installation.\n'
  t.equal(await asked('--administrator'), `${once}${known}${becoming}`)
  await database.run(sql.fragment`UPDATE user_account SET administrator = TRUE`)
  t.equal(await asked('--administrator'), `${once}${known}It administers the installation already.\n`)
})

t.test(
  'links to an account, and for one that administers the installation, are recorded without the address',
  async t => {
    await database.run(sql.fragment`UPDATE user_account SET administrator = FALSE`)
    await run(['bea@example.org'], environment)
    await run(['bea@example.org', '--administrator'], environment)
    const events = (
      await database.any<{ content: AuditEvent }>(sql.fragment`SELECT content FROM audit_event ORDER BY pk`)
    ).map(({ content }) => content)
    const [ana] = await database.any<{ person: string }>(sql.fragment`SELECT person FROM user_account`)
    t.match(events.at(-1), {
      action: 'C',
      outcomeDesc: 'A link was made for an account that administers the installation',
      subtype: [{ code: '110129' }],
      agent: [{ who: { identifier: { value: 'cli' } } }],
    })
    t.match(events.at(-2), {
      action: 'U',
      outcomeDesc: 'A link was made by which to sign in',
      subtype: [{ code: '110137' }],
      entity: [{ what: { reference: `Person/${ana?.person}` } }],
    })
    t.notMatch(JSON.stringify(events), /example\.org/)
  },
)

t.test('an impossible request is refused in one line', async t => {
  const refused: readonly (readonly [readonly string[], Readonly<Record<string, string>>, string])[] = [
    [['ana'], {}, '"ana" is no e-mail address\n'],
    [['ana@example.org', '--person', 'nobody'], {}, 'Person/nobody is not known\n'],
    [['ana@example.org'], { SIGN_UP: 'closed' }, 'SIGN_UP is closed: nobody may make an account\n'],
  ]
  for (const [args, more, error] of refused)
    t.same(await run(args, { ...environment, ...more }), { code: 1, out: '', error })
})
