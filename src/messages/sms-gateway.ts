import type { Config } from '../config.ts'
import type { Outbound } from './outbound.ts'
import type { Carry, TextMessage } from './text-message.ts'
import { isNotNow, Undelivered } from './undelivered.ts'

/** Any gateway that takes one request for each message; an answer of 2xx means that it has accepted it, if it has the text that such answers have. */
export const carryByGateway = (config: Config, outbound: Pick<Outbound, 'send'>): Carry => {
  const { smsGatewayUrl = '', smsGatewayMethod: method, smsGatewayHeader: header, smsGatewayBody: template } = config
  const { smsGatewayAccepted: accepted = '' } = config
  const isJson = /^\s*[{[]/.test(template)
  const type = isJson ? 'application/json' : 'application/x-www-form-urlencoded'
  return async message => {
    const { status, body } = await outbound.send({
      url: filled(smsGatewayUrl, message, encodeURIComponent),
      method,
      headers: {
        ...(header === undefined ? {} : { [header.name.toLowerCase()]: header.value }),
        ...(method === 'GET' ? {} : { 'content-type': type }),
      },
      ...(method === 'GET' ? {} : { body: filled(template, message, isJson ? inJson : encodeURIComponent) }),
    })
    refuseUnless(status, body.includes(accepted))
  }
}

/** What the answer says is not told: it may name the number. */
const refuseUnless = (status: number, isAccepted: boolean): void => {
  if (status < 200 || status > 299)
    throw new Undelivered(`The gateway refused the text message (status ${status})`, { isAway: isNotNow(status) })
  if (!isAccepted)
    throw new Undelivered(
      `The gateway refused the text message (status ${status}, but not the answer of SMS_GATEWAY_ACCEPTED)`,
    )
}

const filled = (template: string, { to, text }: TextMessage, encode: (value: string) => string): string =>
  template.replace(/\{(to|text)\}/g, (_, name: 'to' | 'text') => encode(name === 'to' ? to : text))

/** The text as it is written between the quotes of a JSON string. */
const inJson = (value: string): string => JSON.stringify(value).slice(1, -1)
