import t from 'tap'
import { hashPassword, isPassword } from '../../../src/accounts/password/password.ts'
import { passwordProblem } from '../../../src/accounts/password/password-rules.ts'

t.test('a password is right however its characters were typed, and no other is', async t => {
  const hashed = await hashPassword('zwölf Bücher fliegen')
  t.match(hashed, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  t.not(await hashPassword('zwölf Bücher fliegen'), hashed)
  t.equal(await isPassword('zwölf Bücher fliegen'.normalize('NFD'), hashed), true)
  t.equal(await isPassword('zwölf bücher fliegen', hashed), false)
  t.equal(await isPassword('zwölf Bücher fliegen', undefined), false)
})

t.test('many at once are all answered', async t => {
  const hashed = await hashPassword('a b c')
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) => isPassword(index % 2 ? 'a b c' : 'x', hashed)),
  )
  t.same(answers, [false, true, false, true, false, true, false, true])
})

t.test('a password is refused if it is short, common, or made of what is known of the person', async t => {
  const about = ['Ana Castillo', 'ana.castillo@riverside.example']
  const problems = {
    elevenchars: 'too-short',
    ['x'.repeat(201)]: 'too-long',
    password1234: 'easy-to-guess',
    qwertyuiop12: 'easy-to-guess',
    Liverpool1234: 'easy-to-guess',
    aaaaaaaaaaaaaa: 'easy-to-guess',
    castilloriverside: 'easy-to-guess',
    'seven green umbrellas': undefined,
  }
  for (const [password, problem] of Object.entries(problems))
    t.equal(await passwordProblem(password, about), problem, password)
  const asked = Object.keys(problems).map(async password => [password, await passwordProblem(password, about)])
  t.same(Object.fromEntries(await Promise.all(asked)), problems, 'even if many are checked at once')
})

t.test('what is known of one person does not make another’s password easy to guess', async t => {
  const password = 'Zorvembliqua7'
  t.equal(await passwordProblem(password, []), undefined)
  t.equal(await passwordProblem(password, ['Bela Zorvembliqua']), 'easy-to-guess')
  t.equal(await passwordProblem(password, ['Ana Castillo']), undefined)
  t.equal(await passwordProblem(password, []), undefined)
})

t.test('a name or address that is far too long does not delay choosing a password', async t => {
  const password = 'Zorvembliqua7'
  const behind = (letters: number) => `${'x '.repeat(letters / 2)}${password}`
  t.equal(await passwordProblem(password, [behind(200)]), 'easy-to-guess', 'all of a long name is considered')
  t.equal(await passwordProblem(password, [behind(60_000)]), undefined, 'thousands of words are not')
  const long = 'zorvembliqua'.repeat(6)
  t.equal(await passwordProblem(long.slice(0, 60), [long.slice(0, 60)]), 'easy-to-guess')
  t.equal(
    await passwordProblem(`${long}!`, [`${long}!`]),
    await passwordProblem(`${long}!`, []),
    'nor are very long ones',
  )
})
