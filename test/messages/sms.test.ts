import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { openLog } from '../../src/events/log.ts'
import { openOutbound } from '../../src/messages/outbound.ts'
import { openSms, smsOriginsOf } from '../../src/messages/sms.ts'
import { openSmsGateway } from '../support/sms-gateway.ts'

const gateway = await openSmsGateway()
t.teardown(gateway.close)
const message = { to: '+15005550006', text: 'Say "yes" & öffne https://example.org/?link=a-secret' }
const secret = `AC${'0'.repeat(32)}`

const open = (environment: Readonly<Record<string, string>>, allowed?: readonly string[]) => {
  const lines: string[] = []
  const config = readConfig(environment)
  const outbound = openOutbound({ allowed: allowed ?? smsOriginsOf(config) })
  t.teardown(outbound.close)
  return {
    sms: openSms({ config, outbound, log: openLog('info', { write: (line: string) => lines.push(line) }) }),
    lines,
  }
}

t.test('a gateway is requested as its templates say', async t => {
  const { url } = gateway
  const asked = async (environment: Readonly<Record<string, string>>) => {
    await open(environment).sms?.deliver(message)
    const { method, path, body, header } = await gateway.next()
    return [method, path, body, header('content-type'), header('authorization')]
  }
  t.same(await asked({ SMS_GATEWAY_URL: `${url}/sms` }), [
    'POST',
    '/sms',
    JSON.stringify(message),
    'application/json',
    undefined,
  ])
  const form = {
    SMS_GATEWAY_BODY: 'n={to}&m={text}',
    SMS_GATEWAY_METHOD: 'PUT',
    SMS_GATEWAY_HEADER: 'Authorization: Key 1',
  }
  t.same(await asked({ SMS_GATEWAY_URL: url, ...form }), [
    'PUT',
    '/',
    `n=%2B15005550006&m=${encodeURIComponent(message.text)}`,
    'application/x-www-form-urlencoded',
    'Key 1',
  ])
  t.same(await asked({ SMS_GATEWAY_URL: `${url}/?n={to}&m={text}`, SMS_GATEWAY_METHOD: 'GET' }), [
    'GET',
    `/?n=%2B15005550006&m=${encodeURIComponent(message.text)}`,
    '',
    undefined,
    undefined,
  ])
})

const twilio = { TWILIO_ACCOUNT_SID: secret, TWILIO_AUTH_TOKEN: 'a-token', TWILIO_URL: gateway.url }

t.test('Twilio is requested with its own library, from a number or by a service', async t => {
  for (const [from, name] of [
    ['+15005550001', 'From'],
    [`MG${'1'.repeat(32)}`, 'MessagingServiceSid'],
  ] as const) {
    await open({ ...twilio, TWILIO_FROM: from }).sms?.deliver(message)
    const { method, path, body, header } = await gateway.next()
    t.same([method, path], ['POST', `/2010-04-01/Accounts/${secret}/Messages.json`])
    t.same(Object.fromEntries(new URLSearchParams(body)), { To: message.to, Body: message.text, [name]: from })
    t.equal(header('authorization'), `Basic ${Buffer.from(`${secret}:a-token`).toString('base64')}`)
  }
})

t.test('a refusal says why, but neither to whom nor what; so does the log', async t => {
  t.teardown(() => gateway.answerWith(201, '{}'))
  const refused = async (environment: Readonly<Record<string, string>>, allowed?: readonly string[]) => {
    const { sms, lines } = open(environment, allowed)
    const error = await sms?.deliver(message).catch((one: unknown) => one)
    t.notMatch(lines.join(''), /15005550006|a-secret|a-token/)
    return error
  }
  gateway.answerWith(400, '{"code":21211,"message":"The number +15005550006 is not valid","status":400}')
  t.match(await refused({ ...twilio, TWILIO_FROM: '+15005550001' }), {
    name: 'Undelivered',
    message: /^Twilio refused the text message: there is no such number \(status 400, error 21211\)$/,
  })
  const own = { SMS_GATEWAY_URL: gateway.url }
  t.match(await refused(own), { message: /^The gateway refused the text message \(status 400\)$/, isAway: false })
  for (const [status, isAway] of [
    [429, true],
    [500, false],
    [503, true],
  ] as const) {
    gateway.answerWith(status, '{}')
    t.match(await refused(own), { message: `The gateway refused the text message (status ${status})`, isAway })
    t.match(await refused({ ...twilio, TWILIO_FROM: '+15005550001' }), {
      message: `Twilio refused the text message (status ${status})`,
      isAway,
    })
  }
  const unreachable = /^The server that sends text messages could not be reached$/
  t.match(await refused({ SMS_GATEWAY_URL: 'http://127.0.0.1:1' }), { message: unreachable, isAway: true })
  t.match(await refused(own, []), { message: unreachable }, 'the rules for outgoing requests hold')
})

t.test('an accepted message counts as sent, whatever the answer looks like', async t => {
  t.teardown(() => gateway.answerWith(201, '{}'))
  for (const body of ['OK', '', '<html></html>', '[]', 'null']) {
    gateway.answerWith(201, body)
    for (const environment of [{ SMS_GATEWAY_URL: gateway.url }, { ...twilio, TWILIO_FROM: '+15005550001' }]) {
      await t.resolves(async () => open(environment).sms?.deliver(message), body)
      await gateway.next()
    }
  }
})

t.test('a message that may have been sent without an answer is told apart, and not sent again by itself', async t => {
  t.teardown(() => gateway.answerWith(201, '{}'))
  gateway.hangUp()
  for (const environment of [{ SMS_GATEWAY_URL: gateway.url }, { ...twilio, TWILIO_FROM: '+15005550001' }]) {
    const { sms } = open(environment)
    const error = await sms?.deliver(message).catch((one: unknown) => one)
    t.match(error, {
      name: 'Undelivered',
      isUncertain: true,
      message: /did not answer, so it may have been sent all the same$/,
    })
    await gateway.next()
  }
})

t.test(
  'for somebody who waits, what was never sent is sent once more, and they are told what became of it',
  async t => {
    const sentWhere = async (environment: Readonly<Record<string, string>>, ...answers: readonly Answer[]) => {
      let tries = 0
      const send = async () => {
        const answer = answers[Math.min(tries++, answers.length - 1)] ?? 200
        if (typeof answer === 'string') throw Object.assign(new Error(), { code: answer })
        return typeof answer === 'number' ? { status: answer, header: () => undefined, body: '' } : answer
      }
      const log = { error: () => {} }
      const sms = openSms({ config: readConfig(environment), outbound: { send }, log, pauseMs: 0 })
      return [await sms?.sendNow(message), tries]
    }
    const own = { SMS_GATEWAY_URL: gateway.url }
    t.same(await sentWhere(own, 200), [true, 1])
    t.same(await sentWhere(own, 'UND_ERR_SOCKET'), [true, 1], 'it may have been sent')
    t.same(await sentWhere(own, 'ECONNREFUSED'), [false, 2])
    t.same(await sentWhere(own, 429, 200), [true, 2])
    t.same(await sentWhere(own, 503, 'UND_ERR_SOCKET'), [true, 2])
    t.same(await sentWhere(own, 400), [false, 2])
    const landline = { status: 400, header: () => undefined, body: '{"code":21614,"status":400}' }
    t.same(await sentWhere({ ...twilio, TWILIO_FROM: '+15005550001' }, landline), [false, 1], 'it is no use')
  },
)

type Answer = number | string | { readonly status: number; readonly header: () => undefined; readonly body: string }

t.test('a gateway that answers 200 whatever became of it is read for what it says', async t => {
  t.teardown(() => gateway.answerWith(201, '{}'))
  const reading = { SMS_GATEWAY_URL: gateway.url, SMS_GATEWAY_ACCEPTED: '"status":"0"' }
  gateway.answerWith(200, '{"messages":[{"status":"4","error-text":"Bad credentials for +15005550006"}]}')
  await t.rejects(async () => open(reading).sms?.deliver(message), {
    name: 'Undelivered',
    message: 'The gateway refused the text message (status 200, but not the answer of SMS_GATEWAY_ACCEPTED)',
    isAway: false,
    isUncertain: false,
  })
  gateway.answerWith(200, '{"messages":[{"status":"0"}]}')
  await t.resolves(async () => open(reading).sms?.deliver(message))
  for (let count = 0; count < 2; count += 1) await gateway.next()
})

t.test('of a number that takes no text messages, Twilio’s refusal says why, and is not to be tried again', async t => {
  t.teardown(() => gateway.answerWith(201, '{}'))
  for (const [code, why] of [
    [21211, 'there is no such number'],
    [21408, 'this account does not write to numbers of that country'],
    [21610, 'whoever has the number wants no more messages from this sender'],
    [21612, 'this sender cannot reach that number'],
    [21614, 'the number is not that of a mobile phone'],
  ]) {
    gateway.answerWith(400, JSON.stringify({ code, message: 'To +15005550006: no', status: 400 }))
    await t.rejects(async () => open({ ...twilio, TWILIO_FROM: '+15005550001' }).sms?.deliver(message), {
      message: `Twilio refused the text message: ${why} (status 400, error ${code})`,
      isFinal: true,
    })
    await gateway.next()
  }
})

t.test('without a gateway there are no text messages, and an incomplete configuration does not start', async t => {
  t.equal(open({}).sms, undefined)
  const wrong: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ TWILIO_ACCOUNT_SID: secret }, /go together: set all three, or none/],
    [{ ...twilio, TWILIO_FROM: '+15005550001', SMS_GATEWAY_URL: gateway.url }, /are both set/],
    [{ SMS_GATEWAY_URL: gateway.url, SMS_GATEWAY_METHOD: 'GET' }, /\{to\} and \{text\} must stand in SMS_GATEWAY_URL$/],
    [
      { SMS_GATEWAY_URL: gateway.url, SMS_GATEWAY_BODY: 'm={text}' },
      /must stand in SMS_GATEWAY_URL or SMS_GATEWAY_BODY/,
    ],
    [
      { SMS_GATEWAY_URL: gateway.url, SMS_GATEWAY_BODY: '{"to":"{to}","text":"{text}",}' },
      /^SMS_GATEWAY_BODY is set to something else; it must be JSON in which \{to\} and \{text\} stand within quotes, or/,
    ],
    [{ SMS_GATEWAY_URL: gateway.url, SMS_GATEWAY_BODY: '{"to":{to},"text":"{text}"}' }, /^SMS_GATEWAY_BODY is set/],
    [{ SMS_GATEWAY_URL: 'http://{to}.example.org/{text}' }, /^SMS_GATEWAY_URL is set to something else/],
    [{ SMS_GATEWAY_HEADER: 'no header' }, /^SMS_GATEWAY_HEADER is set to something else/],
    [{ TWILIO_FROM: '12' }, /go together/],
    [{ TWILIO_FROM: '+1' }, /^TWILIO_FROM is "\+1"/],
    [{ TWILIO_URL: 'https://api.twilio.com/' }, /^TWILIO_URL is/],
  ]
  for (const [environment, line] of wrong) t.throws(() => readConfig(environment), { message: line })
})
