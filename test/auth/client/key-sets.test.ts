import t from 'tap'
import { openKeySets } from '../../../src/auth/client/key-sets.ts'
import { setBackWhile } from '../../support/clock.ts'

/** A server with sets of the given length, valid for an hour. */
const openSets = (length: number) => {
  const asked: string[] = []
  const sets = openKeySets({
    send: async ({ url }) => {
      asked.push(url)
      const key = JSON.stringify({ kid: url, kty: 'EC' })
      const filling = ',{}'.repeat(Math.floor((length - key.length) / 3))
      return { status: 200, body: `{"keys":[${key}${filling}]}`, header: () => 'max-age=3600' }
    },
  })
  return { asked, find: (url: string) => sets.find(url, url) }
}

t.test('a set is requested once as long as it is valid, and its keys are found', async t => {
  const { asked, find } = openSets(200)
  for (let count = 0; count < 3; count += 1) t.match((await find('https://a.example'))[0], { kid: 'https://a.example' })
  t.same(asked, ['https://a.example'])
})

t.test('a set is valid no longer if the clock was set back meanwhile', async t => {
  const { asked, find } = openSets(200)
  await find('https://a.example')
  setBackWhile(t, 3601)
  await find('https://a.example')
  t.equal(asked.length, 2)
})

t.test('kept sets take little room, however many clients name one', async t => {
  const { asked, find } = openSets(250_000)
  for (let count = 0; count < 100; count += 1) await find(`https://${count}.example`)
  t.equal(asked.length, 100)
  await find('https://99.example')
  t.equal(asked.length, 100, 'the last is kept')
  await find('https://0.example')
  t.equal(asked.length, 101, 'the first is not')
})

t.test('a set that is requested again and again takes no more room than once', async t => {
  const asked: string[] = []
  const sets = openKeySets({
    send: async ({ url }) => {
      asked.push(url)
      const body = `{"keys":[{"kid":"one"}${',{}'.repeat(80_000)}]}`
      return { status: 200, body, header: () => (url === 'https://a.example' ? 'max-age=3600' : 'no-store') }
    },
  })
  await sets.find('https://a.example', 'one')
  for (let count = 0; count < 100; count += 1) await sets.find('https://b.example', 'one')
  await sets.find('https://a.example', 'one')
  t.equal(asked.length, 101, 'the other is kept beside it')
})

t.test('a set that is too long is not used', async t => {
  await t.rejects(openSets(300_000).find('https://a.example'), /longer than 262144 characters/)
})

t.test('an answer that is not a set is refused', async t => {
  for (const body of ['null', '[]', '5', '{"keys":{}}', '{}'])
    await t.rejects(
      openKeySets({ send: async () => ({ status: 200, body, header: () => undefined }) }).find(
        'https://a.example',
        'k',
      ),
      /no JSON Web Key Set/,
      body,
    )
})
