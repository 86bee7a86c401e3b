import { type AddressInfo, createServer, type Socket } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import t from 'tap'
import { openLog } from '../../src/events/log.ts'
import { openMail } from '../../src/messages/mail.ts'
import { openMailbox } from '../support/mailbox.ts'

const letter = { to: 'ana@example.org', subject: 'Grüße', text: 'Öffnen Sie https://example.org/?link=a-secret\n' }
const address = () => 'https://share.example.org'

const logged = () => {
  const lines: string[] = []
  return { lines, log: openLog('info', { write: (line: string) => lines.push(line) }) }
}

t.test('a letter arrives as it was written, from this server or from MAIL_FROM', async t => {
  const mailbox = await openMailbox()
  t.teardown(mailbox.close)
  for (const [mailFrom, from] of [
    [undefined, 'sharewell@share.example.org'],
    ['Our study <hello@example.org>', 'hello@example.org'],
  ] as const) {
    const { log, lines } = logged()
    const mail = await openMail({ config: { smtpUrl: mailbox.url, mailFrom }, log, address })
    mail?.send(letter)
    t.match(await mailbox.next(), { to: letter.to, from, text: letter.text, subject: '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=' })
    mail?.close()
    t.same(lines, [])
  }
})

t.test('no notice of absence answers a letter', async t => {
  const mailbox = await openMailbox()
  t.teardown(mailbox.close)
  const mail = await openMail({ config: { smtpUrl: mailbox.url, mailFrom: undefined }, log: logged().log, address })
  await mail?.deliver(letter)
  const { head } = await mailbox.next()
  t.match(head, /^Auto-Submitted: auto-generated\r$/m)
  t.match(head, /^X-Auto-Response-Suppress: All\r$/m)
  mail?.close()
})

t.test('an address is one recipient and no more, whatever it contains: nothing in it is read as another', async t => {
  const mailbox = await openMailbox()
  t.teardown(mailbox.close)
  const mail = await openMail({ config: { smtpUrl: mailbox.url, mailFrom: undefined }, log: logged().log, address })
  for (const to of [
    'ana@example.org, eve@example.org',
    'ana@example.org;eve@example.org',
    'ana@example.org\r\nBcc: eve@example.org',
    'Ana <eve@example.org>',
    'all: ana@example.org, eve@example.org;',
  ])
    await t.rejects(
      mail?.deliver({ ...letter, to }) ?? Promise.resolve(),
      { message: /^The mail server refused the/ },
      to,
    )
  await mail?.deliver(letter)
  t.equal((await mailbox.next()).to, letter.to, 'none of them came')
  mail?.close()
})

t.test('a letter that cannot be sent is reported without its content or recipient', async t => {
  const { log, lines } = logged()
  const mail = await openMail({ config: { smtpUrl: 'smtp://127.0.0.1:1', mailFrom: undefined }, log, address })
  mail?.send(letter)
  mail?.close()
  await t.resolveMatch(
    new Promise(resolve => {
      const look = setInterval(() => {
        if (lines.length === 0) return
        clearInterval(look)
        resolve(lines.join(''))
      }, 10)
    }),
    /"code":"\w+".*"A letter could not be sent"/,
  )
  t.notMatch(lines.join(''), /example|secret/)
})

t.test(
  'the reason tells what the server says of the address from what it says of itself, and from the way there',
  async t => {
    const refusing = (responseCode: number): SMTPServerOptions => ({
      disabledCommands: ['STARTTLS'],
      onRcptTo: (_address, _session, done) => done(Object.assign(new Error('ana@example.org'), { responseCode })),
    })
    const taking = (responseCode: number): SMTPServerOptions => ({
      disabledCommands: ['STARTTLS'],
      onData: (stream, _session, done) => {
        stream.on('end', () => done(Object.assign(new Error('ana@example.org'), { responseCode }))).resume()
      },
    })
    const leaving = (socket: Socket) => socket.on('data', data => /^MAIL/.test(String(data)) && socket.destroy())
    const insecure = 'No secure connection to the mail server could be made'
    const left = 'The mail server broke off the connection'
    const reasons: readonly (readonly [string, SMTPServerOptions, string, isAway: boolean])[] = [
      ['an address that there is not', refusing(550), 'The mail server refused the address (status 550)', false],
      [
        'an address for which it is too early',
        refusing(450),
        'The mail server did not take the e-mail (status 450)',
        true,
      ],
      ['a certificate that nobody vouches for', {}, insecure, true],
      ['a server that leaves', { disabledCommands: ['STARTTLS'] }, left, false],
      ['a full server', taking(452), 'The mail server did not take the e-mail (status 452)', true],
      ['a server that takes no such letter', taking(554), 'The mail server refused the e-mail (status 554)', false],
    ]
    for (const [what, options, reason, isAway] of reasons) {
      const server = new SMTPServer({ authOptional: true, ...options })
      // Whoever does not accept the certificate breaks off.
      server.on('error', () => {})
      if (what === 'a server that leaves') server.server.on('connection', leaving)
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.server.address() as AddressInfo
      const { log, lines } = logged()
      const mail = await openMail({
        config: { smtpUrl: `smtp://127.0.0.1:${port}`, mailFrom: undefined },
        log,
        address,
      })
      await t.rejects(Promise.resolve(mail?.deliver(letter)), { message: reason, isAway }, what)
      t.notMatch(lines.join(''), /example|secret/)
      mail?.close()
      await new Promise<void>(resolve => server.close(resolve))
    }
  },
)

t.test('a mail server that is not there, or lets nobody in, has taken nothing', async t => {
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: (_credentials, _session, done) => done(new Error('ana@example.org')),
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>(resolve => server.close(resolve)))
  const { port } = server.server.address() as AddressInfo
  for (const [smtpUrl, message] of [
    ['smtp://127.0.0.1:1', 'The mail server could not be reached'],
    ['smtp://no-such-host.invalid', 'The mail server could not be reached'],
    [`smtp://somebody:wrong@127.0.0.1:${port}`, 'The mail server did not let this server in (status 535)'],
  ] as const) {
    const mail = await openMail({ config: { smtpUrl, mailFrom: undefined }, log: logged().log, address })
    await t.rejects(Promise.resolve(mail?.deliver(letter)), { message, isAway: true }, smtpUrl)
    mail?.close()
  }
})

t.test('a mail server that does not come to an end holds up a letter no longer than the limits allow', async t => {
  const ready = '220 mail.example.org\r\n'
  const behaviours: readonly (readonly [string, (socket: Socket) => void, isAway?: boolean])[] = [
    ['says nothing at all', () => {}, true],
    ['greets, and then says nothing', socket => socket.write(ready)],
    [
      'goes on saying a little',
      socket => {
        socket.write(ready)
        const saying = setInterval(() => socket.write('250-mail.example.org\r\n'), 20)
        socket.on('close', () => clearInterval(saying))
      },
    ],
  ]
  for (const [what, behave, isAway = false] of behaviours) {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.resume()
      behave(socket)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const { log, lines } = logged()
    const mail = await openMail({
      config: { smtpUrl: `smtp://127.0.0.1:${port}`, mailFrom: undefined },
      log,
      address,
      limits: { silenceMs: 200, letterMs: 1000, waitingMs: 1000 },
    })
    const message = 'The mail server did not answer in time'
    await t.rejects(Promise.resolve(mail?.deliver(letter)), { message, isUncertain: false, isAway }, what)
    t.match(lines.join(''), /"code":"(ETIMEDOUT|EABORT)"/, what)
    mail?.close()
    // Otherwise it would hold the connection of a server that never ends.
    await new Promise<void>(resolve => server.close(() => resolve()))
  }
})

t.test('somebody who waits is told of a letter that is known not to be taken, and of no other', async t => {
  const arriving = await openMailbox()
  t.teardown(arriving.close)
  const answering = async (responseCode: number) => {
    const onRcptTo: SMTPServerOptions['onRcptTo'] = (_, __, done) =>
      done(Object.assign(new Error('no'), { responseCode }))
    const server = new SMTPServer({ authOptional: true, disabledCommands: ['STARTTLS'], onRcptTo })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => new Promise<void>(resolve => server.close(resolve)))
    return `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`
  }
  const sockets: Socket[] = []
  const silent = createServer(socket => sockets.push(socket.on('error', () => {})))
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const cases: readonly (readonly [string, string, boolean, number])[] = [
    ['one that arrives', arriving.url, true, 60_000],
    ['one to an address that is refused', await answering(550), false, 60_000],
    ['one for which no server is there', 'smtp://127.0.0.1:1', false, 60_000],
    ['one that is to come again later', await answering(450), true, 50],
    ['one of which nothing is known yet', `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`, true, 50],
  ]
  for (const [what, smtpUrl, isSent, waitingMs] of cases) {
    const { log, lines } = logged()
    const limits = { silenceMs: 60_000, letterMs: 60_000, waitingMs }
    const mail = await openMail({ config: { smtpUrl, mailFrom: undefined }, log, address, limits })
    t.equal(await mail?.sendNow(letter), isSent, what)
    t.equal(lines.length, isSent ? 0 : 1, 'a failure is logged')
    t.notMatch(lines.join(''), /ana@example|a-secret/)
    mail?.close()
  }
})

t.test('without a mail server there is no mail, and in development the log has it', async t => {
  const { log, lines } = logged()
  t.equal(await openMail({ config: { smtpUrl: 'none', mailFrom: undefined }, log, address }), undefined)
  const mail = await openMail({ config: { smtpUrl: 'log', mailFrom: undefined }, log, address })
  mail?.send(letter)
  t.match(JSON.parse(lines.join('')), { level: 40, letter })
})
