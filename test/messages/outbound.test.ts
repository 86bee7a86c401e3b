import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import t, { type Test } from 'tap'
import { mayHaveArrived, openOutbound } from '../../src/messages/outbound.ts'

/** A server that answers what it was asked. */
const listening = createServer((request, response) => {
  if (request.url === '/away') response.writeHead(302, { location: '/' }).end()
  else if (request.url === '/long') response.end('x'.repeat(2000))
  else if (request.url === '/hangs-up') request.socket.destroy()
  else if (request.url === '/no-http') request.socket.end('OK, sent\r\n\r\n')
  else if (request.url === '/long-head') response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end()
  else if (request.url === '/cut-off')
    response.writeHead(200, { 'content-length': 9 }).write('x', () => request.socket.end())
  else if (request.url === '/drip') {
    const dripping = setInterval(() => response.write('x'), 50)
    response.on('close', () => clearInterval(dripping))
  } else if (request.url !== '/never') {
    request.on('data', () => {}).on('end', () => response.end(`${request.method} ${request.headers['x-asked']}`))
  }
})
const port = await new Promise<number>(resolve => {
  listening.listen(0, '127.0.0.1', () => resolve((listening.address() as { port: number }).port))
})
t.teardown(() => listening.close())
const origin = `http://127.0.0.1:${port}`

t.test('a server that is named in full can be requested, even a private one without TLS', async t => {
  const outbound = openOutbound({ allowed: [origin] })
  t.teardown(outbound.close)
  const answer = await outbound.send({ url: `${origin}/`, method: 'POST', headers: { 'x-asked': 'yes' }, body: '{}' })
  t.match(answer, { status: 200, body: 'POST yes' })
  t.equal(answer.header('x-unknown'), undefined)
  const moved = await outbound.send({ url: `${origin}/away`, method: 'GET' })
  t.match(moved, { status: 302, body: '' }, 'no redirect is followed')
  t.equal(moved.header('location'), '/')
})

t.test('what is not allowed is refused with the reason, before anything is sent', async t => {
  const outbound = openOutbound({ allowed: ['https://hooks.example.org', 'https://*.example.net'] })
  t.teardown(outbound.close)
  const reasons: Readonly<Record<string, RegExp | undefined>> = {
    'https://hooks.example.org/a?b': undefined,
    'https://a.b.example.net/': undefined,
    'https://example.net/': /https:\/\/example.net is not among the servers/,
    'https://evil-example.net/': /is not among/,
    'https://a.example.net.evil.org/': /is not among/,
    'https://a.example.net:8443/': /is not among/,
    'http://a.example.net/': /http is not requested, only https/,
    'ftp://a.example.net/': /ftp is not requested/,
    'https://me:secret@hooks.example.org/': /name or password/,
    'no url': /is not a URL/,
    [origin]: /http is not requested/,
  }
  for (const [url, reason] of Object.entries(reasons)) {
    if (reason === undefined) t.equal(outbound.refusalOf(url), undefined, url)
    else t.match(outbound.refusalOf(url), reason, url)
    if (reason !== undefined) await t.rejects(outbound.send({ url, method: 'GET' }), { message: reason }, url)
  }
})

t.test('a library with a client of its own is told how to look up hosts, and what it may not request', async t => {
  const outbound = openOutbound({ allowed: ['*', origin] })
  t.teardown(outbound.close)
  const lookUpAnywhere = outbound.lookUpFor(`${origin}/token`)
  const named = await new Promise<unknown>(resolve => lookUpAnywhere('localhost', {}, (_, address) => resolve(address)))
  t.match(named, /^(127\.0\.0\.1|::1)$/, 'what is named in full may be private')
  t.throws(() => outbound.lookUpFor('http://elsewhere.example/token'), { message: /http is not requested/ })
  t.throws(() => outbound.lookUpFor('https://169.254.169.254/token'), { message: /is not a public address/ })
  const lookUp = outbound.lookUpFor('https://localhost/token')
  const asked = await new Promise<unknown>(resolve => lookUp('localhost', {}, resolve))
  t.match(asked, { message: 'localhost is not a public address' })
})

t.test('no name and no spelling leads to an address that is not public', async t => {
  const outbound = openOutbound({ allowed: ['*'], timeoutMs: 2000 })
  t.teardown(outbound.close)
  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::127.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[::5efe:127.0.0.1]',
    '[2002:7f00:1::]',
    '[2001::7f00:1]',
    '[4000::1]',
    '[fd00::1]',
    '[fe80::1]',
    '[64:ff9b::7f00:1]',
    'localhost',
  ])
    await t.rejects(outbound.send({ url: `https://${host}:${port}/`, method: 'GET' }), /is not a public address/, host)
})

t.test('a name of a public server does not lead to an address that is not public', async t => {
  const nameServer = await openNameServer(t, { answers: [10, 1, 2, 3] })
  const outbound = openOutbound({ allowed: ['*'], nameServers: [nameServer] })
  t.teardown(outbound.close)
  await t.rejects(outbound.send({ url: 'https://inside.example.org/', method: 'GET' }), {
    message: 'inside.example.org is not a public address',
  })
})

t.test('names for which no name server answers hold up no other name', async t => {
  const outbound = openOutbound({ allowed: ['*'], nameServers: [await openNameServer(t)] })
  t.teardown(outbound.close)
  const asked = Array.from({ length: 8 }, (_, n) => `https://silent-${n}.example.org/`)
  const ends = asked.map(url => outbound.send({ url, method: 'GET' }).catch((error: unknown) => String(error)))
  t.match(await Promise.race([...ends, lookup('localhost')]), { address: String })
  for (const end of await Promise.all(ends)) t.match(end, /ETIMEOUT/)
})

t.test('a public address can be requested in either family', async t => {
  const outbound = openOutbound({ allowed: ['*'] })
  t.teardown(outbound.close)
  for (const host of ['8.8.8.8', '[2001:4860:4860::8888]', '[2606:4700::1111]', '[3ffe::1]', '[::ffff:8.8.8.8]'])
    t.equal(outbound.refusalOf(`https://${host}/`), undefined, host)
})

t.test('an answer that is too long or never comes is an error', async t => {
  const outbound = openOutbound({ allowed: [origin], timeoutMs: 300, maxBodyBytes: 1000 })
  t.teardown(outbound.close)
  await t.rejects(outbound.send({ url: `${origin}/long`, method: 'GET' }), /longer than 1000 bytes/)
  await t.rejects(outbound.send({ url: `${origin}/never`, method: 'GET' }))
  await t.rejects(outbound.send({ url: `${origin}/drip`, method: 'GET' }), { name: 'TimeoutError' }, 'letter by letter')
})

t.test('what may have arrived is told apart from what was never sent', async t => {
  const silent = createTcpServer(socket => socket.on('error', () => {}))
  const full = await new Promise<string>(resolve => {
    silent.listen(0, '127.0.0.1', () => resolve(`https://127.0.0.1:${(silent.address() as { port: number }).port}`))
  })
  t.teardown(() => silent.close())
  const allowed = [origin, full, 'http://127.0.0.1:1', 'http://unknown.invalid']
  const outbound = openOutbound({ allowed, timeoutMs: 3000, maxBodyBytes: 1000 })
  t.teardown(outbound.close)
  const arrived = async (url: string): Promise<boolean> =>
    outbound.send({ url, method: 'POST', body: '{}' }).then(
      () => true,
      (error: unknown) => mayHaveArrived(error),
    )
  t.equal(await arrived(`${origin}/never`), true, 'no answer in time')
  t.equal(await arrived(`${origin}/hangs-up`), true, 'no answer at all')
  for (const answer of ['no-http', 'long', 'long-head', 'cut-off'])
    t.equal(await arrived(`${origin}/${answer}`), true, `an answer that cannot be read: ${answer}`)
  t.equal(await arrived(`${full}/`), false, 'never connected: nobody answers with TLS')
  t.equal(await arrived('http://127.0.0.1:1/'), false, 'nobody there')
  t.equal(await arrived('http://unknown.invalid/'), false, 'no such name')
  t.equal(await arrived('https://elsewhere.example/'), false, 'not allowed')
})

/** Answers every name with the same address of IPv4, and none of IPv6; nothing at all without one. Answers where it listens. */
const openNameServer = async (t: Test, { answers }: { readonly answers?: readonly number[] } = {}): Promise<string> => {
  const socket = createSocket('udp4', (asked, { address, port }) => {
    if (answers === undefined) return
    const question = asked.subarray(12, asked.indexOf(0, 12) + 5)
    const isIpv4 = question.at(-3) === 1
    const head = [...asked.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isIpv4 ? 1 : 0, 0, 0, 0, 0]
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, ...answers]
    socket.send(Buffer.from([...head, ...question, ...(isIpv4 ? record : [])]), port, address)
  })
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  t.teardown(() => socket.close())
  return `127.0.0.1:${socket.address().port}`
}
