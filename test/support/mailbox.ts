import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export type ReceivedLetter = {
  readonly to: string
  readonly from: string
  readonly text: string
  readonly subject: string
  /** All of its headers. */
  readonly head: string
}

/** A mail server that accepts everything but what is for nobody@, what is for later…@ only the second time, and hands letters out in the order of their arrival. Letters of several jobs arrive in any order. */
export const openMailbox = async () => {
  const letters: ReceivedLetter[] = []
  const waiting: {
    readonly is: (letter: ReceivedLetter) => boolean
    readonly take: (letter: ReceivedLetter) => void
  }[] = []
  const asked = new Set<string>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: ({ address }, _, done) => {
      if (address.startsWith('nobody@')) return done(new Error('There is nobody'))
      if (!address.startsWith('later') || asked.has(address)) return done()
      asked.add(address)
      done(Object.assign(new Error('Not now'), { responseCode: 450 }))
    },
    onData: (stream, { envelope }, done) => {
      const chunks: Buffer[] = []
      stream.on('data', chunk => chunks.push(chunk))
      stream.on('end', () => {
        const letter = {
          to: envelope.rcptTo.map(({ address }) => address).join(),
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          ...read(Buffer.concat(chunks).toString()),
        }
        const place = waiting.findIndex(({ is }) => is(letter))
        if (place < 0) letters.push(letter)
        else waiting.splice(place, 1)[0]?.take(letter)
        done()
      })
    },
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    /** The next letter that `isMeant`, when it arrives. */
    next: (is: (letter: ReceivedLetter) => boolean = () => true): Promise<ReceivedLetter> => {
      const place = letters.findIndex(is)
      const [letter] = place < 0 ? [] : letters.splice(place, 1)
      return letter === undefined ? new Promise(take => waiting.push({ is, take })) : Promise.resolve(letter)
    },
    close: () => new Promise<void>(resolve => server.close(resolve)),
  }
}

/** For `next`: letters to an address. */
export const isTo =
  (address: string) =>
  ({ to }: ReceivedLetter): boolean =>
    to === address

/** The path of the only link in a letter, apart from the one with which its reader says that the account is not theirs. */
export const linkIn = (letter: ReceivedLetter): string => theOnly(letter, link => !link.includes(notMine))

/** The path of that one. */
export const notMineLinkIn = (letter: ReceivedLetter): string => theOnly(letter, link => link.includes(notMine))

const notMine = '/not-my-account?'

const theOnly = ({ text }: ReceivedLetter, is: (link: string) => boolean): string => {
  const [link, ...more] = (text.match(/https?:\/\/\S+\?link=\S+/g) ?? []).filter(is)
  if (link === undefined || more.length > 0) throw new Error(`not one link in: ${text}`)
  const { pathname, search } = new URL(link)
  return pathname + search
}

/** Of plain text alone, in quoted-printable or as it is. */
const read = (message: string): Pick<ReceivedLetter, 'text' | 'subject' | 'head'> => {
  const [head = '', ...body] = message.split('\r\n\r\n')
  const text = body.join('\r\n\r\n').replace(/\r\n/g, '\n')
  const isQuoted = /^content-transfer-encoding: quoted-printable/im.test(head)
  return {
    subject: /^subject: (.*)$/im.exec(head)?.[1]?.trim() ?? '',
    text: isQuoted ? unquoted(text) : text,
    head,
  }
}

const unquoted = (text: string): string => {
  const bytes = text
    .replace(/=\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
