import t from 'tap'
import { openOwnStores } from '../../src/cli/own-store.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'
import { createPerson } from './create-person.ts'

const { url, database } = await openTestDatabase(t)

const change = (from: string, to: string) => runProgram(['change-email', from, to], { DATABASE_URL: url })

t.test('the operator gives an account another address, which does not confirm it', async t => {
  const openStoreAs = await openOwnStores(database)
  const [ana, ben] = [await createPerson(openStoreAs, 'Ana'), await createPerson(openStoreAs, 'Ben')]
  for (const [email, person] of [
    ['ana@example.org', ana],
    ['ben@example.org', ben],
  ] as const)
    await database.run(
      sql.fragment`INSERT INTO user_account (email, person, verified_at) VALUES (${email}, ${person}, now())`,
    )
  t.same(await change('ana@example.org', 'x'), { code: 1, out: '', error: '"x" is no e-mail address\n' })
  t.same(await change('cleo@example.org', 'ana@home.example'), {
    code: 1,
    out: '',
    error: 'Nobody signs in with cleo@example.org\n',
  })
  t.same(await change('ana@example.org', 'ben@example.org'), {
    code: 1,
    out: '',
    error: 'ben@example.org is the address of an account already\n',
  })
  t.same(await change('ana@example.org', 'Ana@Home.example'), {
    code: 0,
    out: '',
    error: 'ana@example.org signs in with Ana@Home.example from now on.\n',
  })
  t.same(await database.any(sql.fragment`SELECT email, verified_at FROM user_account WHERE person = ${ana}`), [
    { email: 'ana@home.example', verified_at: null },
  ])
  await database.run(sql.fragment`INSERT INTO signing_key (kid, sealed) VALUES ('key', 'sealed')`)
  t.same(await change('cleo@example.org', 'cleo@home.example'), {
    code: 1,
    out: '',
    error: 'Nobody signs in with cleo@example.org\n',
  })
})
