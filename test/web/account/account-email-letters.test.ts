import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openPeople, password } from '../people.ts'

const world = await openPeople({ pauseMs: 100, retries: 0 })
const { database, mailbox, newAccount, signedIn } = world
t.teardown(world.close)

t.test('letters about another address wait for a mail server as long as their links work, and no longer', async t => {
  const { email } = await newAccount('lotte')
  const browser = await signedIn(email)
  await database.run(sql.fragment`CREATE TABLE kept_letter (minutes integer)`)
  await database.run(sql.fragment`
    CREATE FUNCTION note_letter() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO kept_letter VALUES (extract(epoch FROM new.ends_at - now()) / 60); RETURN new; END $$`)
  await database.run(sql.fragment`
    CREATE TRIGGER note_letter AFTER INSERT ON letter FOR EACH ROW EXECUTE FUNCTION note_letter()`)
  await browser.send('/account/email', { email: 'lotte@home.example', password })
  const letters = [await mailbox.next(), await mailbox.next()]
  t.strictSame(letters.map(({ to }) => to).toSorted(), ['lotte@example.org', 'lotte@home.example'])
  for (const { text } of letters) t.match(text, /within 30 minutes/)
  t.strictSame(await database.any(sql.fragment`SELECT minutes FROM kept_letter`), [{ minutes: 30 }, { minutes: 30 }])
})
