import pRetry from 'p-retry'
import type { Logger } from 'pino'
import { smsBy } from '../config/sms.ts'
import type { Config } from '../config.ts'
import { mayHaveArrived, type Outbound } from './outbound.ts'
import { carryByGateway } from './sms-gateway.ts'
import type { Carry, TextMessage } from './text-message.ts'
import { carryByTwilio } from './twilio.ts'
import { Undelivered } from './undelivered.ts'

export type Sms = {
  /**
   * For somebody who waits for it: it is tried once more, unless it may have been sent all the same. Answers whether it was sent, or may have been.
   * If not, that is logged without the number and the text.
   */
  readonly sendNow: (message: TextMessage) => Promise<boolean>
  /** For callers that wait and try again themselves. Throws `Undelivered`. */
  readonly deliver: Carry
}

type Options = {
  readonly config: Config
  readonly log: Pick<Logger, 'error'>
  /** It must allow the origins of `smsOriginsOf`. */
  readonly outbound: Pick<Outbound, 'send'>
  /** Before it is tried once more: somebody looks at a page that waits as well. */
  readonly pauseMs?: number
}

/** Undefined if no text messages can be sent. */
export const openSms = ({ config, log, outbound, pauseMs = 2000 }: Options): Sms | undefined => {
  const by = smsBy(config)
  if (by === 'none') return undefined
  const carry = by === 'twilio' ? carryByTwilio(config, outbound) : carryByGateway(config, outbound)
  const deliver: Carry = async message => {
    try {
      await carry(message)
    } catch (error) {
      const undelivered = error instanceof Undelivered ? error : unheard(error)
      log.error({ reason: undelivered.message, code: codeOf(error) }, 'A text message could not be sent')
      throw undelivered
    }
  }
  return {
    deliver,
    sendNow: message =>
      pRetry(() => deliver(message), { retries: 1, minTimeout: pauseMs, shouldRetry: isToBeTriedAgain }).then(
        () => true,
        ({ isUncertain }: Undelivered) => isUncertain,
      ),
  }
}

/** Whoever configures a gateway means it, even if its address is private. */
export const smsOriginsOf = (config: Config): readonly string[] => {
  const { twilioUrl, smsGatewayUrl } = config
  return [twilioUrl, ...(smsGatewayUrl === undefined ? [] : [new URL(smsGatewayUrl).origin])]
}

const isToBeTriedAgain = ({ error }: { readonly error: Error }): boolean =>
  error instanceof Undelivered && !error.isUncertain && !error.isFinal

const unheard = (error: unknown): Undelivered =>
  mayHaveArrived(error)
    ? new Undelivered('The server that sends text messages did not answer, so it may have been sent all the same', {
        isUncertain: true,
      })
    : new Undelivered('The server that sends text messages could not be reached', { isAway: true })

/** A timeout has a number of DOMException as its code, which tells nobody anything. */
const codeOf = (error: unknown): unknown => {
  const { name, code } = error as { readonly name?: string; readonly code?: unknown }
  return typeof code === 'number' ? name : code
}
