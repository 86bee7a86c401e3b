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

t.test('one address is one recipient, whatever it contains', async t => {
  const mailbox = await openMailbox()
  t.teardown(mailbox.close)
  const mail = await openMail({ config: { smtpUrl: mailbox.url, mailFrom: undefined }, log: logged().log, address })
  mail?.send({ ...letter, to: 'ana@example.org\r\nBcc: eve@example.org' })
  mail?.send(letter)
  t.equal((await mailbox.next()).to.includes('eve@example.org,'), false)
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

t.test('without a mail server there is no mail, and in development the log has it', async t => {
  const { log, lines } = logged()
  t.equal(await openMail({ config: { smtpUrl: 'none', mailFrom: undefined }, log, address }), undefined)
  const mail = await openMail({ config: { smtpUrl: 'log', mailFrom: undefined }, log, address })
  mail?.send(letter)
  t.match(JSON.parse(lines.join('')), { level: 40, letter })
})
