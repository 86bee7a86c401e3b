import { setTimeout as pause } from 'node:timers/promises'
import { getSystemErrorMap } from 'node:util'
import pRetry from 'p-retry'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { Undelivered } from './undelivered.ts'

/** Text for a person. If it contains a link, it is a secret. */
export type Letter = { readonly to: string; readonly subject: string; readonly text: string }

export type Mail = {
  /** Nobody waits for it, since the time would reveal whether there was anything to send. If it cannot be sent, that is logged. */
  readonly send: (letter: Letter) => void
  /**
   * For somebody who waits for it. False if it is known that the mail server does not take it; one of which nothing is known after a few seconds, or
   * that is to come again later, is sent on as by `send`.
   */
  readonly sendNow: (letter: Letter) => Promise<boolean>
  /** For callers that wait and try again themselves. Throws `Undelivered`. */
  readonly deliver: (letter: Letter) => Promise<void>
  /** Gives up what is being sent. */
  readonly close: () => void
}

type Options = {
  readonly config: Pick<Config, 'smtpUrl' | 'mailFrom'>
  readonly log: Pick<Logger, 'warn' | 'error'>
  /** The address of this server, which is the sender if MAIL_FROM names none. */
  readonly address: () => string
  readonly limits?: Limits
}

/** Other letters wait behind one that a mail server holds up. */
type Limits = {
  /** For each thing that the mail server is to say or to take. */
  readonly silenceMs: number
  /** For a letter as a whole: a server that says a little again and again is never silent. */
  readonly letterMs: number
  /** For as long as somebody waits to be told. */
  readonly waitingMs: number
}

/** Undefined if no e-mail can be sent. */
export const openMail = async (options: Options): Promise<Mail | undefined> => {
  const { smtpUrl } = options.config
  switch (smtpUrl) {
    case 'none':
      return undefined
    case 'log':
      return writeIntoLog(options)
    default:
      return sendBySmtp(smtpUrl, options)
  }
}

/** For development: the configuration accepts this only if the server listens to this machine alone. */
const writeIntoLog = ({ log }: Options): Mail => {
  const send = (letter: Letter) => log.warn({ letter }, 'A letter that is not sent, since SMTP_URL is log')
  const sendNow = async (letter: Letter) => {
    send(letter)
    return true
  }
  return { send, sendNow, deliver: async letter => send(letter), close: () => {} }
}

const sendBySmtp = async (url: string, { config, log, address, limits = usual }: Options): Promise<Mail> => {
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({ url, ...timeouts(limits) }, { disableFileAccess: true, disableUrlAccess: true })
  let isOpen = true
  const sender = () => config.mailFrom ?? `Sharewell <sharewell@${new URL(address()).hostname}>`
  const deliver = (letter: Letter) =>
    transport.sendMail({
      ...letter,
      to: { name: '', address: letter.to },
      from: sender(),
      headers: byItself,
      signal: AbortSignal.timeout(limits.letterMs),
    })
  const sending = (letter: Letter, isOver: (failure: Failure) => boolean): Promise<boolean> => {
    const attempt = async () => {
      if (isOpen) await deliver(letter)
    }
    const shouldRetry = ({ error }: { readonly error: Error }) => isOpen && !isOver(error as Failure)
    return pRetry(attempt, { ...twiceMore, shouldRetry }).then(
      () => true,
      error => {
        // Mail servers quote addresses in their messages, so only the codes of the error are logged.
        log.error(codesOf(error), 'A letter could not be sent')
        return false
      },
    )
  }
  const send = (letter: Letter) => {
    void sending(letter, () => false)
  }
  const sendNow = async (letter: Letter): Promise<boolean> => {
    let isAwaited = true
    const sent = sending(letter, failure => isAwaited && isRefused(failure))
    const answer = await Promise.race([sent, pause(limits.waitingMs, true, { ref: false })])
    isAwaited = false
    return answer
  }
  return {
    send,
    sendNow,
    deliver: async letter => {
      try {
        await deliver(letter)
      } catch (error) {
        log.error(codesOf(error), 'A letter could not be sent')
        throw undelivered(error as Failure)
      }
    },
    close: () => {
      isOpen = false
      transport.close()
    },
  }
}

/** After five seconds, and after another minute. Nothing waits for that, not even the end of the process. */
const twiceMore = { retries: 2, minTimeout: 5000, factor: 12, unref: true }

/** Longer than servers keep senders waiting on purpose, or look at a letter before they take it. */
const usual: Limits = { silenceMs: 60_000, letterMs: 120_000, waitingMs: 4000 }

/** For nodemailer, which prefers what the URL itself says of them. Greeting and encryption are part of its `connectionTimeout`. */
const timeouts = ({ silenceMs }: Limits) => ({
  dnsTimeout: silenceMs / 4,
  connectionTimeout: silenceMs,
  greetingTimeout: silenceMs / 2,
  socketTimeout: silenceMs,
})

/** Nobody's notice of absence answers it: https://www.rfc-editor.org/rfc/rfc3834#section-5, and the same for Exchange. */
const byItself = { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' }

const codesOf = (error: unknown): object => {
  const { code, originalCode, timeoutType, responseCode, command } = error as Failure
  return { code, originalCode, timeoutType, responseCode, command }
}

/** As nodemailer tells it; `originalCode` is that of Node.js, `timeoutType` says which of the timeouts it was. */
type Failure = {
  readonly code?: string
  readonly originalCode?: string
  readonly syscall?: string
  readonly timeoutType?: string
  readonly responseCode?: number
  readonly command?: string
}

/** Mail servers quote addresses in their messages, so the reason is given by the codes of nodemailer. */
const undelivered = (failure: Failure): Undelivered => {
  const { responseCode } = failure
  const status = responseCode === undefined ? '' : ` (status ${responseCode})`
  const reason = reasonBehind(failure)
  return new Undelivered(`${reason}${status}`, { isAway: reason === insecure || hasTakenNothing(failure) })
}

/** There was no connection yet, or nobody was let in, or the server said "not now": https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1 */
const hasTakenNothing = ({ code = '', syscall, timeoutType, responseCode = 0 }: Failure): boolean =>
  syscall === 'connect' ||
  code === 'EDNS' ||
  code === 'EAUTH' ||
  (timeoutType !== undefined && timeoutType !== 'SOCKET_TIMEOUT') ||
  isNotNow(responseCode)

/** Nothing could be reached, or nobody is there; a server that says "not now" may only want to see whether the letter comes again. */
const isRefused = (failure: Failure): boolean => {
  const { responseCode = 0 } = failure
  return responseCode >= 500 || (undelivered(failure).isAway && !isNotNow(responseCode))
}

const isNotNow = (responseCode: number): boolean => responseCode >= 400 && responseCode < 500

const reasonBehind = ({ code = '', originalCode, timeoutType, responseCode = 0, command }: Failure): string => {
  if (code === 'ETIMEDOUT' && timeoutType !== 'CONNECT_TIMEOUT') return unanswered
  // It may be full for now, or wait to see whether somebody tries again. And what it says before it is told an address is about itself.
  if (isNotNow(responseCode) || (code === 'EENVELOPE' && command !== 'RCPT TO')) return notTaken
  if (code === 'ESOCKET' && originalCode !== undefined && !systemErrors.has(originalCode)) return insecure
  return reasons[code] ?? notTaken
}

const notTaken = 'The mail server did not take the e-mail'
const unanswered = 'The mail server did not answer in time'
const unreachable = 'The mail server could not be reached'
const insecure = 'No secure connection to the mail server could be made'

/** All others are of TLS, such as those of a certificate; so is EPROTO, when the other side does not speak it. */
const systemErrors = new Set([...getSystemErrorMap().values()].map(([name]) => name).filter(name => name !== 'EPROTO'))

const reasons: Readonly<Record<string, string>> = {
  EENVELOPE: 'The mail server refused the address',
  EAUTH: 'The mail server did not let this server in',
  ECONNECTION: 'The mail server broke off the connection',
  ESOCKET: unreachable,
  ETIMEDOUT: unreachable,
  EDNS: unreachable,
  EABORT: unanswered,
  ETLS: insecure,
  EMESSAGE: 'The mail server refused the e-mail',
}
